// Makes pages live: refreshes what changed, in place; keys; nothing that does not also work without it.
"use strict";
(() => {
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  const parts = () => [...document.querySelectorAll("[data-region]")];
  const names = parts().map((part) => part.dataset.region);

  // ---- refreshing: at most once a second (less often when many pages are open), never under the reader's hands ----
  const due = new Set();
  let timer = 0, last = 0, busy = false, pace = 1000;
  const selecting = () => { const s = getSelection(); return s && !s.isCollapsed && main.contains(s.anchorNode); };
  const inUse = (part) => part.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]), textarea, select")
    || part.querySelector("details.act[open]") !== null;

  function plan() {
    if (timer || busy || !due.size || document.hidden) return;
    // Above a second the pages are many, and all hear of a change at once: each takes a moment of its own.
    const rest = pace - (Date.now() - last);
    timer = setTimeout(() => { timer = 0; refresh(); }, Math.max(0, rest, pace > 1000 ? Math.random() * pace : 0));
  }

  async function refresh() {
    if (document.hidden) return;
    if (selecting()) { live.textContent = "paused while you select"; timer = setTimeout(() => { timer = 0; plan(); }, 1000); return; }
    const wanted = [...due];
    due.clear();
    busy = true; last = Date.now();
    try {
      // One part is asked for alone, several with the page they stand on.
      const address = new URL(location.href);
      address.hash = "";
      if (wanted.length === 1) address.searchParams.set("region", wanted[0]);
      const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected || answer.status === 401) { live.textContent = "logged out: refresh to log in"; source?.close(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const name of wanted) replace(name, parsed);
      live.textContent = "live";
    } catch { live.textContent = "not refreshed; it is tried again"; wanted.forEach((name) => due.add(name)); last = Date.now() + 4000; }
    finally { busy = false; plan(); }
  }

  function replace(name, parsed) {
    const old = document.querySelector(`[data-region="${CSS.escape(name)}"]`);
    const fresh = parsed.querySelector(`[data-region="${CSS.escape(name)}"]`);
    if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
    if (inUse(old)) { due.add(name); return; }
    const rows = (part) => [...part.querySelectorAll("[data-row]")].map((row) => row.dataset.row);
    const before = rows(old), after = rows(fresh), added = after.filter((row) => !before.includes(row));
    const here = document.querySelector("[data-here]")?.dataset.row;
    const chosen = new Set([...old.querySelectorAll("input[name=ids]:checked")].map((box) => box.value));
    const open = [...old.querySelectorAll("details")].map((details) => details.open);
    const top = [...old.querySelectorAll(".log")].map((log) => [log.scrollTop, log.scrollTop + log.clientHeight >= log.scrollHeight - 4]);
    // A list that somebody reads is not pushed down: new rows are announced, and come when they are asked for.
    if (added.length && before.length && (here || chosen.size || old.getBoundingClientRect().top < -80)) { announce(old, added.length, () => put()); return; }
    put();
    function put() {
      old.replaceWith(fresh);
      fresh.querySelectorAll("details").forEach((details, at) => { if (at < open.length) details.open = open[at]; });
      fresh.querySelectorAll("input[name=ids]").forEach((box) => { box.checked = chosen.has(box.value); });
      fresh.querySelectorAll(".log").forEach((log, at) => { if (top[at]) log.scrollTop = top[at][1] ? log.scrollHeight : top[at][0]; else toEnd(log); });
      if (here) fresh.querySelector(`[data-row="${CSS.escape(here)}"]`)?.setAttribute("data-here", "");
      if (before.length) added.forEach((row) => fresh.querySelector(`[data-row="${CSS.escape(row)}"]`)?.setAttribute("data-fresh", ""));
      if (added.length && before.length && fresh.dataset.said) said.textContent = `${added.length} new: ${fresh.dataset.said}`;
    }
  }

  // What runs prints below: its last line is in sight, until somebody scrolls up.
  function toEnd(log) { if (log.classList.contains("tail")) log.scrollTop = log.scrollHeight; }
  document.querySelectorAll(".log").forEach(toEnd);

  function announce(part, count, show) {
    let note = part.previousElementSibling;
    if (!note?.classList.contains("new")) {
      note = document.createElement("p");
      note.className = "new";
      const button = document.createElement("button");
      button.type = "button";
      note.append(button);
      part.before(note);
    }
    const button = note.firstChild;
    button.textContent = `${count} new: show`;
    button.onclick = () => { note.remove(); show(); };
    said.textContent = `${count} new: ${part.dataset.said || ""}`;
  }

  let source = null;
  function listen() {
    if (source || !names.length || document.hidden || !window.EventSource) return;
    source = new EventSource("/events");
    // From here on every change is told.
    source.addEventListener("following", () => { live.textContent = "live"; });
    source.onerror = () => { live.textContent = "reconnecting"; };
    source.addEventListener("changed", (event) => {
      let regions = [];
      try { ({ regions, pace = pace } = JSON.parse(event.data)); } catch { return; }
      const every = regions.includes("*");
      names.filter((name) => every || regions.includes(name)).forEach((name) => due.add(name));
      plan();
    });
  }
  let missed = false;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { source?.close(); source = null; missed = true; return; }
    if (missed) { names.forEach((name) => due.add(name)); missed = false; }
    listen(); plan();
  });
  if (location.protocol.startsWith("http")) listen();

  // ---- the chosen jobs ----
  const count = document.getElementById("chosen-count");
  document.addEventListener("change", (event) => {
    if (!count || event.target.name !== "ids") return;
    const number = document.querySelectorAll("input[name=ids]:checked").length;
    count.textContent = number ? `The ${number} chosen:` : "The chosen:";
  });

  // ---- keys ----
  const keys = document.getElementById("keys");
  document.getElementById("keys-link")?.removeAttribute("hidden");
  document.querySelector("[data-keys]")?.addEventListener("click", () => keys.showModal());
  const pages = { t: "/", j: "/jobs", e: "/errors", s: "/schedules", q: "/queues", r: "/releases", c: "/checklist" };
  let going = 0;
  function move(step) {
    const rows = [...document.querySelectorAll("[data-rows] [data-row]")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.hasAttribute("data-here"));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    rows[at]?.removeAttribute("data-here");
    next.setAttribute("data-here", "");
    next.scrollIntoView({ block: "nearest" });
    const link = next.querySelector("a");
    link?.focus({ preventScroll: true });
    said.textContent = `Row ${rows.indexOf(next) + 1} of ${rows.length}`;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) { if (event.key === "Escape") event.target.blur(); return; }
    if (Date.now() - going < 1000 && pages[event.key]) { going = 0; location.assign(pages[event.key]); return; }
    going = 0;
    const selected = document.querySelector("[data-here]");
    switch (event.key) {
      case "/": document.getElementById("search").focus(); break;
      case "?": keys.showModal(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "g": going = Date.now(); break;
      case "x": { const box = selected?.querySelector("input[name=ids]"); if (!box) return; box.click(); break; }
      case "Escape": selected?.removeAttribute("data-here"); return;
      default: return;
    }
    event.preventDefault();
  });

  // On a phone the navigation scrolls: where the reader is stays in sight.
  document.querySelectorAll("nav [aria-current]").forEach((link) => link.scrollIntoView({ block: "nearest", inline: "center" }));

  // A form that leads to another page by its place opens there.
  if (location.hash) document.querySelector(`details${CSS.escape(location.hash).replace("\\#", "#")}`)?.setAttribute("open", "");
})();
