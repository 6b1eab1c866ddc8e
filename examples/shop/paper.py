"""Real files from a few lines of Python: an invoice as PDF, a picture and its thumbnail, a report as a page."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from datetime import date

from data import Sale, money
from PIL import Image, ImageDraw

THUMBNAIL = (160, 120)


def pdf(lines: Sequence[str]) -> bytes:
    """One A4 page of text. A PDF is numbered objects and a table of where each begins."""
    text = "".join(f"({line.translate(ESCAPES)}) Tj T*\n" for line in lines)
    page = f"BT /F1 12 Tf 18 TL 72 770 Td\n{text}ET".encode("latin-1", "replace")
    font = b"<< /Font << /F1 5 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %s >>" % font,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, io.SEEK_END)
    for number, content in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


ESCAPES = str.maketrans({"\\": r"\\", "(": r"\(", ")": r"\)"})


def photo(seed: int) -> Image.Image:
    """A product photo would come from a camera; this one is drawn."""
    image = Image.new("RGB", (1200, 900), ((37 * seed) % 256, (91 * seed) % 256, 160))
    draw = ImageDraw.Draw(image)
    for ring in range(12):
        inset = 35 * ring
        draw.ellipse((150 + inset, 60 + inset / 2, 1050 - inset, 840 - inset / 2), outline="white", width=6)
    return image


def thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail(THUMBNAIL)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()


def report(day: date, sales: Sequence[Sale]) -> str:
    rows = "\n".join(f"<tr><td>{s.order_id}<td>{html.escape(s.customer)}<td>{money(s.cents)}" for s in sales)
    total = money(sum(sale.cents for sale in sales))
    return f"""<!doctype html>
<meta charset="utf-8">
<title>Sales of {day}</title>
<h1>Sales of {day}</h1>
<p>{len(sales)} orders, {total}</p>
<table>
{rows}
</table>
"""
