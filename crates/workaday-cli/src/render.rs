//! The one way to standard output: words, tables, JSON. Colour only where a terminal reads it and nobody declined.

use crate::text;
use serde_json::Value;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use workaday_core::job::State;

/// What a colour is for; the tokens of the pages, in the terminal's own sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Strong,
    Soft,
    Good,
    Work,
    Wait,
    Bad,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Soft => "2",
            Tone::Good => "32",
            Tone::Work => "34",
            Tone::Wait => "33",
            Tone::Bad => "31",
        }
    }
}

/// Where a command prints.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    pub json: bool,
    pub colour: bool,
    pub terminal: bool,
    /// Columns to keep to; `None` when no terminal reads along, so that nothing is cut for a pipe.
    pub columns: Option<usize>,
}

impl Output {
    pub fn standard(json: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            out: BufWriter::new(stdout.lock()),
            json,
            colour: terminal && !declined,
            terminal,
            columns: terminal.then(terminal_columns).flatten(),
        }
    }

    /// A line of text. Parts from jobs go through [`text::line`] first.
    pub fn line(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", line.as_ref())
    }

    pub fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// A value, indented: one document.
    pub fn json(&mut self, value: &Value) -> io::Result<()> {
        let whole = serde_json::to_string_pretty(value).expect("a Value has no keys that are no text");
        writeln!(self.out, "{}", text::json(&whole))
    }

    /// A value on one line: one of a stream.
    pub fn json_line(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{}", text::json(&value.to_string()))
    }

    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if self.colour && tone != Tone::Plain { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }

    /// The table, or `empty`: the one command that would fill it.
    pub fn table(&mut self, table: &Table, empty: &str) -> io::Result<()> {
        if table.rows.is_empty() {
            return self.line(empty);
        }
        let widths = table.widths(self.columns);
        let heads = table.heads.iter().map(|head| Cell::new(head.name).tone(Tone::Soft)).collect::<Vec<_>>();
        self.row(table, &heads, &widths)?;
        for row in &table.rows {
            self.row(table, row, &widths)?;
        }
        Ok(())
    }

    fn row(&mut self, table: &Table, cells: &[Cell], widths: &[usize]) -> io::Result<()> {
        let mut line = String::new();
        for (index, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            let shown = text::cut(&cell.text, width).into_owned();
            let pad = " ".repeat(width - text::width(&shown));
            let painted = self.paint(cell.tone, &shown);
            let last = index + 1 == widths.len();
            match (table.heads[index].right, last) {
                (true, _) => line.extend([&*pad, &*painted]),
                (false, true) => line.push_str(&painted),
                (false, false) => line.extend([&*painted, &*pad]),
            }
            if !last {
                line.push_str("  ");
            }
        }
        self.line(line.trim_end())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Rows under named columns, hairlines left out: space is enough.
#[derive(Debug)]
pub struct Table {
    heads: Vec<Head>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
struct Head {
    name: &'static str,
    right: bool,
}

/// One field. Its text is made safe here, so no caller can forget it.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub fn new(text: impl AsRef<str>) -> Self {
        Self { text: text::line(text.as_ref()).into_owned(), tone: Tone::Plain }
    }
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::new(text)
    }
}

impl Table {
    /// Columns by name; one that starts with `>` holds numbers and is aligned right.
    pub fn new(heads: &[&'static str]) -> Self {
        let head = |name: &&'static str| Head { name: name.trim_start_matches('>'), right: name.starts_with('>') };
        Self { heads: heads.iter().map(head).collect(), rows: vec![] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.heads.len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// Each column as wide as its widest text; beyond the terminal the widest column gives way first.
    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        const WIDTH_MIN: usize = 8;
        let widest = |index: usize| self.rows.iter().map(|row| text::width(&row[index].text)).max().unwrap_or(0);
        let mut widths: Vec<usize> = self.heads.iter().enumerate().map(|(index, head)| widest(index).max(text::width(head.name))).collect();
        let Some(columns) = columns else { return widths };
        let gaps = 2 * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            // Identifiers are no use cut in half: among the rest the widest is shortened.
            let Some(index) = (0..widths.len())
                .filter(|&index| widths[index] > WIDTH_MIN && self.heads[index].name != "id")
                .max_by_key(|&index| widths[index])
            else {
                break;
            };
            widths[index] -= 1;
        }
        widths
    }
}

/// Symbol, word and tone of a state; a held job shows its hold.
pub fn state(state: State, held: Option<&str>) -> Cell {
    if let Some(code) = held {
        return Cell::new(format!("‖ {state}, held: {code}")).tone(Tone::Wait);
    }
    let (symbol, tone) = match state {
        State::Pending => ("…", Tone::Soft),
        State::Scheduled => ("◷", Tone::Soft),
        State::Available => ("○", Tone::Plain),
        State::Running => ("▶", Tone::Work),
        State::Retryable => ("↻", Tone::Wait),
        State::Completed => ("✓", Tone::Good),
        State::Cancelled => ("⊘", Tone::Soft),
        State::Discarded => ("✕", Tone::Bad),
    };
    Cell::new(format!("{symbol} {state}")).tone(tone)
}

impl Output {
    /// A cell outside a table.
    pub fn cell(&self, cell: &Cell) -> String {
        self.paint(cell.tone, &cell.text)
    }
}

fn terminal_columns() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ fills the winsize whose address it is given, and nothing else.
    let answered = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (answered == 0 && size.ws_col >= 40).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_way_in_its_widest_column_and_keeps_ids_whole() {
        let mut table = Table::new(&["id", "task", ">attempt"]);
        table.row([Cell::new("x".repeat(36)), Cell::new("y".repeat(60)), Cell::new("1")]);
        assert_eq!(table.widths(None), [36, 60, 7]);
        assert_eq!(table.widths(Some(80)), [36, 33, 7]);
    }

    #[test]
    fn a_cell_never_holds_a_control_character() {
        assert_eq!(Cell::new("\x1b[31mred").text, "\\x1b[31mred");
    }

    #[test]
    fn every_state_has_its_symbol() {
        let symbols: std::collections::BTreeSet<_> = State::ALL.iter().map(|&one| state(one, None).text.chars().next()).collect();
        assert_eq!(symbols.len(), State::ALL.len());
        assert_eq!(state(State::Available, Some("unknown_task")).text, "‖ available, held: unknown_task");
    }
}
