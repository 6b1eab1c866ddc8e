//! A DSN of PostgreSQL, in both forms that libpq reads: as URL, and as words, `host=db dbname=shop user=ada`.
//!
//! It is taken apart as far as is needed to lead to another database on the same server, and to hand the tools of PostgreSQL
//! no password among their arguments. Everything else stays as it was written.

use std::ops::Range;

/// Options of a URL that libpq knows. Drivers have others, at which `psql` would stop.
const LIBPQ: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "gssencmode",
    "host",
    "hostaddr",
    "options",
    "passfile",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

/// Where a DSN is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The app: in its own form, with the password.
    App,
    /// `psql` and its like: without it, since everybody on the machine reads arguments.
    Tool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dsn<'a> {
    Url(Url<'a>),
    Words(&'a str, Vec<Word<'a>>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    scheme: &'a str,
    user: &'a str,
    password: Option<&'a str>,
    host: &'a str,
    database: &'a str,
    options: Vec<(&'a str, &'a str)>,
}

/// `name=value`, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    name: &'a str,
    /// Without quotes and backslashes.
    value: String,
    whole: Range<usize>,
    at: Range<usize>,
}

impl<'a> Dsn<'a> {
    /// `None`: it is no DSN of PostgreSQL, or does not name its database in one place.
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if let Some(url) = Url::parse(text) {
            return Some(Dsn::Url(url));
        }
        let words = words(text)?;
        let databases: Vec<&str> = words.iter().filter(|word| word.name == "dbname").map(|word| word.value.as_str()).collect();
        // A `dbname` can hold a DSN of its own, to which libpq would go.
        let [database] = databases[..] else { return None };
        (!database.is_empty() && !database.contains(['=', '/'])).then_some(Dsn::Words(text, words))
    }

    /// The same place, another database; `None`: the same.
    pub fn lead_to(&self, database: Option<&str>, reader: Reader) -> String {
        match self {
            Dsn::Url(url) => url.lead_to(database, reader),
            Dsn::Words(text, words) => {
                let mut out = String::new();
                let mut from = 0;
                for word in words {
                    if word.name == "password" && reader == Reader::Tool {
                        out += &text[from..word.whole.start];
                        from = word.whole.end;
                    } else if let (Some(database), "dbname") = (database, word.name) {
                        out += &text[from..word.at.start];
                        out += database;
                        from = word.at.end;
                    }
                }
                (out + &text[from..]).trim().to_owned()
            }
        }
    }

    pub fn password(&self) -> Option<String> {
        match self {
            Dsn::Url(url) => url.password.or_else(|| url.option("password")).map(decoded),
            Dsn::Words(..) => self.word("password"),
        }
    }

    /// Server and database, however they were written: two DSNs with the same one lead to the same rows.
    pub fn place(&self) -> String {
        let (host, port, database) = match self {
            Dsn::Url(url) => {
                let (host, port) = match url.host.rsplit_once(':') {
                    Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => (host, Some(port)),
                    _ => (url.host, None),
                };
                let host = if host.is_empty() { url.option("host").unwrap_or_default() } else { host };
                (decoded(host), port.or_else(|| url.option("port")).unwrap_or_default().to_owned(), decoded(url.database))
            }
            Dsn::Words(..) => {
                let of = |name| self.word(name).unwrap_or_default();
                let host = if of("host").is_empty() { of("hostaddr") } else { of("host") };
                (host, of("port"), of("dbname"))
            }
        };
        let host = host.trim_matches(['[', ']']);
        // One server on this machine has several addresses.
        let is_here = host.is_empty() || host.starts_with('/') || host == "localhost" || host.starts_with("127.") || host == "::1";
        format!("{}:{}/{database}", if is_here { "here" } else { host }, if port.is_empty() { "5432" } else { &port })
    }

    fn word(&self, name: &str) -> Option<String> {
        let Dsn::Words(_, words) = self else { return None };
        words.iter().rev().find(|word| word.name == name).map(|word| word.value.clone())
    }
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let driver = scheme.split('+').next()?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.rsplit_once('/')?;
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
        let (user, password) = user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
        let options: Vec<(&str, &str)> =
            options.split('&').filter(|part| !part.is_empty()).map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
        let is_elsewhere = options.iter().any(|(name, _)| *name == "dbname" || *name == "service");
        let is_ours = matches!(driver, "postgres" | "postgresql") && !database.is_empty() && !is_elsewhere;
        is_ours.then_some(Self { scheme, user, password, host, database, options })
    }

    fn lead_to(&self, database: Option<&str>, reader: Reader) -> String {
        let database = database.unwrap_or(self.database);
        let at = if self.user.is_empty() && self.password.is_none() { "" } else { "@" };
        let (scheme, password, options) = match reader {
            Reader::App => {
                let password = self.password.map_or(String::new(), |password| format!(":{password}"));
                (self.scheme, password, self.options.clone())
            }
            Reader::Tool => {
                // asyncpg says `ssl` for what libpq calls `sslmode`.
                let known = self.options.iter().map(|(name, value)| (if *name == "ssl" { "sslmode" } else { *name }, *value));
                ("postgresql", String::new(), known.filter(|(name, _)| LIBPQ.contains(name)).collect())
            }
        };
        let options: Vec<String> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{scheme}://{}{password}{at}{}/{database}{mark}{}", self.user, self.host, options.join("&"))
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        self.options.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }
}

/// Words as libpq reads them: spaces may stand around `=`, values in single quotes, a backslash before any character.
fn words(text: &str) -> Option<Vec<Word<'_>>> {
    let bytes = text.as_bytes();
    let is_space = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
    let skip = |mut at: usize| {
        while is_space(at) {
            at += 1;
        }
        at
    };
    let mut found = vec![];
    let mut at = skip(0);
    while at < bytes.len() {
        let start = at;
        while bytes.get(at).is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'_') {
            at += 1;
        }
        let name = &text[start..at];
        at = skip(at);
        if name.is_empty() || bytes.get(at) != Some(&b'=') {
            return None;
        }
        at = skip(at + 1);
        let (value, from) = (at, bytes.get(at) == Some(&b'\''));
        at += usize::from(from);
        let mut plain = vec![];
        loop {
            match (bytes.get(at), from) {
                (None, true) => return None,
                (None, false) => break,
                (Some(b'\''), true) => {
                    at += 1;
                    break;
                }
                (Some(byte), false) if byte.is_ascii_whitespace() => break,
                (Some(b'\\'), _) => {
                    plain.push(*bytes.get(at + 1)?);
                    at += 2;
                }
                (Some(byte), _) => {
                    plain.push(*byte);
                    at += 1;
                }
            }
        }
        let plain = String::from_utf8_lossy(&plain).into_owned();
        found.push(Word { name, value: plain, whole: start..at, at: value..at });
        at = skip(at);
    }
    (!found.is_empty()).then_some(found)
}

/// Percent signs taken out of a part of a URL.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = vec![];
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(text: &str, reader: Reader) -> Option<String> {
        Dsn::parse(text).map(|dsn| dsn.lead_to(Some("copy"), reader))
    }

    #[test]
    fn a_dsn_leads_to_another_database_and_nowhere_else() {
        let same = |from: &str, to: &str| assert_eq!(lead(from, Reader::App).as_deref(), Some(to));
        same("postgresql+asyncpg://ada:p%40ss@db:5433/shop?ssl=require", "postgresql+asyncpg://ada:p%40ss@db:5433/copy?ssl=require");
        same("postgres://db/shop", "postgres://db/copy");
        same("postgresql:///shop?host=/run/postgresql", "postgresql:///copy?host=/run/postgresql");
        same("host=db dbname=shop user=ada password=p@ss", "host=db dbname=copy user=ada password=p@ss");
        same("dbname = 'the shop'  host=/run/postgresql", "dbname = copy  host=/run/postgresql");
        same(r"password='it\'s \\ dbname=x' dbname=shop", r"password='it\'s \\ dbname=x' dbname=copy");
        for none in [
            "postgresql://db/",
            "postgresql://db",
            "postgresql://db/shop?dbname=other",
            "mysql://db/shop",
            "host=db user=ada",
            "dbname=shop dbname=other",
            "dbname=postgresql://db/shop",
            "dbname='shop",
            "dbname=shop and more",
            "COLOUR=red dbname=shop",
            "",
        ] {
            assert_eq!(lead(none, Reader::App), None, "{none}");
        }
    }

    #[test]
    fn tools_get_no_password_and_no_option_of_a_driver() {
        let tool = |text: &str| {
            let dsn = Dsn::parse(text).expect("a DSN");
            (dsn.lead_to(None, Reader::Tool), dsn.password())
        };
        let password = |text: &str| Some(text.to_owned());
        assert_eq!(tool("postgresql://ada:p%40s%25@db/shop"), ("postgresql://ada@db/shop".to_owned(), password("p@s%")));
        assert_eq!(
            tool("postgresql+asyncpg://ada@db/shop?ssl=require&prepared_statement_cache_size=0&password=p"),
            ("postgresql://ada@db/shop?sslmode=require".to_owned(), password("p"))
        );
        assert_eq!(
            tool(r"host=db password='open \'sesame\'' dbname=shop user=ada"),
            ("host=db  dbname=shop user=ada".to_owned(), password("open 'sesame'"))
        );
    }

    #[test]
    fn one_database_is_known_under_each_of_its_names() {
        let place = |text: &str| Dsn::parse(text).expect("a DSN").place();
        let here = place("postgresql://ada:p@127.0.0.1:5433/shop");
        for same in [
            "postgres://localhost:5433/shop",
            "host=localhost port=5433 dbname=shop user=bob",
            "dbname=shop port=5433 host=/run/postgresql",
            "postgresql:///shop?host=/run/postgresql&port=5433",
        ] {
            assert_eq!(place(same), here, "{same}");
        }
        for other in ["postgresql://127.0.0.1:5433/copy", "host=localhost dbname=shop", "postgresql://db:5433/shop"] {
            assert_ne!(place(other), here, "{other}");
        }
        assert_eq!(place("host=db dbname=shop"), place("postgresql://db:5432/shop"));
    }
}
