//! PostgreSQL databases of the app: each is copied into a scratch database on the same server, looked at by schema and rows,
//! and dropped at the end. Its variable leads to the copy, with the same user and password.
//!
//! · Needs: `psql`, `pg_dump`, `pg_restore`, and a user who may create databases.
//! · Killed midway: the scratch place names the scratch database, and the next rehearsal drops both.

use super::dsn::{Dsn, Reader};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use workaday_core::explain::{Problem, RetryAdvice};

/// A scratch database, and the variable that leads to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub variable: String,
    /// Of the copy. It holds a password: shown to nobody, and kept in the private scratch place alone.
    pub dsn: String,
    /// Sum of where the DSN of production leads, to know it again under other names without carrying it along.
    pub original: String,
    pub database: String,
}

impl Copied {
    /// Does a value lead to the database that this is a copy of?
    pub fn is_of(&self, value: &str) -> bool {
        Dsn::parse(value).is_some_and(|dsn| self.original == crate::files::sum(dsn.place().as_bytes()))
    }
}

/// The scratch database for the one that `variable` leads to. Nothing is made yet.
pub fn plan(variable: &str, dsn: &str, id: &str) -> Result<Copied, Problem> {
    let parsed = Dsn::parse(dsn).ok_or_else(|| {
        let forms = "`postgresql://user:password@host:5432/database` or `host=… dbname=…`";
        failed(variable, format!("its value is no DSN like {forms} that names one database"), "nothing was copied")
    })?;
    let database = format!("workaday_rehearsal_{id}");
    Ok(Copied {
        variable: variable.to_owned(),
        dsn: parsed.lead_to(Some(&database), Reader::App),
        original: crate::files::sum(parsed.place().as_bytes()),
        database,
    })
}

/// Makes the scratch database, and fills it from the original.
pub fn copy(copied: &Copied, dsn: &str, scratch: &Path) -> Result<(), Problem> {
    let database = &copied.database;
    let tell = |why: String| failed(&copied.variable, why, "nothing real was touched");
    // The copy sorts and encodes as the original does, whatever the server does for new ones.
    let create = format!(
        "SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', '{database}', \
         pg_encoding_to_char(encoding), datcollate, datctype) FROM pg_database WHERE datname = current_database() \\gexec\n"
    );
    psql(dsn, &create).map_err(tell)?;
    let dump = scratch.join("postgres.dump");
    let file = dump.display().to_string();
    let filled = tool("pg_dump", dsn, &["--format=custom", "--no-owner", "--no-privileges", "--file", &file], None)
        .and_then(|_| {
            let words = ["--no-owner", "--no-privileges", "--no-comments", "--exit-on-error", &file];
            tool("pg_restore", &copied.dsn, &words, None)
        })
        .map_err(tell);
    let _ = std::fs::remove_file(&dump);
    filled.map(|_| ())
}

/// Drops the copy, whoever is still connected to it.
pub fn drop_copy(copied: &Copied) -> Result<(), String> {
    // From another database of that server: nobody drops the one he stands in.
    let Some(dsn) = Dsn::parse(&copied.dsn) else { return Ok(()) };
    let sql = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE);\n", copied.database);
    let from = |database: &str| psql(&dsn.lead_to(Some(database), Reader::App), &sql).map(|_| ());
    from("postgres").or_else(|_| from("template1"))
}

/// Schema as text, and the rows of each table.
pub fn look(copied: &Copied) -> Result<(String, BTreeMap<String, i64>), Problem> {
    const COUNT: &str = "SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename) \
                         FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 \\gexec\n";
    let tell = |why: String| failed(&copied.variable, why, "nothing real was touched");
    let schema = tool("pg_dump", &copied.dsn, &["--schema-only", "--no-owner", "--no-privileges"], None).map_err(tell)?;
    // Newer versions put a random word around a dump.
    let schema: Vec<&str> = schema.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).collect();
    let counted = psql(&copied.dsn, COUNT).map_err(tell)?;
    let rows =
        counted.lines().filter_map(|line| line.rsplit_once('|')).filter_map(|(name, rows)| Some((name.to_owned(), rows.parse().ok()?)));
    Ok((schema.join("\n"), rows.collect()))
}

fn psql(dsn: &str, script: &str) -> Result<String, String> {
    tool("psql", dsn, &["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"], Some(script))
}

/// Runs a tool of PostgreSQL on a database. Its output, or why not.
fn tool(program: &str, dsn: &str, words: &[&str], script: Option<&str>) -> Result<String, String> {
    let dsn = Dsn::parse(dsn).ok_or("the DSN does not read")?;
    let mut command = Command::new(program);
    // The password goes by the environment: arguments can be read by everybody on the machine.
    if let Some(password) = dsn.password() {
        command.env("PGPASSWORD", password);
    }
    command.arg(format!("--dbname={}", dsn.lead_to(None, Reader::Tool))).args(words).env("PGCONNECT_TIMEOUT", "10");
    command.stdin(if script.is_some() { Stdio::piped() } else { Stdio::null() }).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = || {
        let mut child = command.spawn()?;
        if let (Some(script), Some(mut stdin)) = (script, child.stdin.take()) {
            stdin.write_all(script.as_bytes())?;
        }
        child.wait_with_output()
    };
    let done = run().map_err(|error| format!("`{program}` could not be run: {error} (apt-get install postgresql-client)"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("`{program}`: {}", said.lines().filter(|line| !line.trim().is_empty()).take(3).collect::<Vec<_>>().join(" / ")))
}

pub fn failed(variable: &str, why: String, state: &str) -> Problem {
    Problem::new("rehearse.postgres", format!("the PostgreSQL database of `{variable}` cannot be rehearsed: {why}"))
        .expected("a DSN in that variable or in a copied file, psql, pg_dump and pg_restore, and a user with CREATEDB")
        .retry(RetryAdvice::SafeAfterFix, format!("safe after that is mended; {state}"))
        .hint("ALTER ROLE … CREATEDB lets a user make the scratch database")
}
