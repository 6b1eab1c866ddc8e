//! How large a request the web server before the service lets through, as its own configuration says.
//!
//! Read with care: nginx is taken apart with its blocks and includes, and what this reader does not understand (a variable, a
//! file that may not be read) leaves the answer open. Caddy's imports are not followed: with one, the answer is open too.

use std::path::{Path, PathBuf};

const NGINX: &str = "etc/nginx/nginx.conf";
const CADDY: &str = "etc/caddy/Caddyfile";
/// What nginx takes when nothing is said.
const NGINX_DEFAULT: u64 = 1 << 20;
const DEPTH_MAX: usize = 8;

/// What one place that passes requests on takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    Bytes(u64),
    Endless,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub file: String,
    /// The widest of the places that pass requests on; `None`: there is no such place.
    pub widest: Option<Limit>,
    /// Why there may be more than was understood.
    pub open: Option<String>,
}

/// Looks below `root`, which is `/` but in tests. `None`: neither configuration is there.
pub fn look(root: &Path) -> Option<Proxy> {
    let (nginx, caddy) = (root.join(NGINX), root.join(CADDY));
    if nginx.exists() {
        return Some(of_nginx(root, &nginx));
    }
    caddy.exists().then(|| of_caddy(&caddy))
}

fn of_nginx(root: &Path, file: &Path) -> Proxy {
    let mut open = None;
    let mut words = vec![];
    include(root, file, 0, &mut words, &mut open);
    let mut widest = None;
    // The limit of each block that is open, the innermost last; `None`: as around it. And whether it passes requests on.
    let mut blocks: Vec<(Option<Limit>, Vec<usize>)> = vec![(None, vec![])];
    let mut passing: Vec<(usize, Option<Limit>)> = vec![];
    let mut line: Vec<&str> = vec![];
    for word in &words {
        match word.as_str() {
            "{" => {
                blocks.push((None, vec![]));
                line.clear();
            }
            "}" | ";" => {
                match line[..] {
                    ["client_max_body_size", size] => match bytes(size) {
                        Some(limit) => blocks.last_mut().into_iter().for_each(|block| block.0 = Some(limit)),
                        None => open = Some(format!("`client_max_body_size {size}` is not understood")),
                    },
                    [name, ..] if name.ends_with("_pass") => {
                        passing.push((blocks.len(), None));
                        let at = passing.len() - 1;
                        blocks.last_mut().into_iter().for_each(|block| block.1.push(at));
                    }
                    _ => {}
                }
                line.clear();
                // A limit may stand behind what it limits, so a block is judged at its end.
                if word == "}" && blocks.len() > 1 {
                    let (limit, inside) = blocks.pop().unwrap_or_default();
                    for at in &inside {
                        passing[*at].1 = passing[*at].1.or(limit);
                    }
                    blocks.last_mut().into_iter().for_each(|block| block.1.extend(&inside));
                }
            }
            word => line.push(word),
        }
    }
    if blocks.len() != 1 {
        open = Some("its blocks do not close".to_owned());
    }
    let around = blocks.first().and_then(|block| block.0);
    for (_, limit) in passing {
        widest = widest.max(Some(limit.or(around).unwrap_or(Limit::Bytes(NGINX_DEFAULT))));
    }
    Proxy { file: file.display().to_string(), widest, open }
}

/// The words of a file, with those of the files it includes in their place.
fn include(root: &Path, file: &Path, depth: usize, words: &mut Vec<String>, open: &mut Option<String>) {
    let Some(text) = std::fs::read_to_string(file).ok().filter(|_| depth < DEPTH_MAX) else {
        *open = Some(format!("{} could not be read", file.display()));
        return;
    };
    let all = split(&text);
    let mut at = 0;
    while at < all.len() {
        match (all[at].as_str(), all.get(at + 1), all.get(at + 2).map(String::as_str)) {
            ("include", Some(pattern), Some(";")) => {
                let path = Path::new(pattern);
                let path = if path.is_absolute() { root.join(pattern.trim_start_matches('/')) } else { root.join("etc/nginx").join(path) };
                for one in matching(&path) {
                    include(root, &one, depth + 1, words, open);
                }
                at += 3;
            }
            _ => {
                words.push(all[at].clone());
                at += 1;
            }
        }
    }
}

/// Files of a pattern with `*` in its last part. One without is itself, there or not.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some((before, after)) = name.split_once('*') else { return vec![pattern.to_path_buf()] };
    let entries = pattern.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after) && !name.starts_with('.')
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Words, `{`, `}` and `;`, without comments; quotes hold a word together.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    let end = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '#' if word.is_empty() => while chars.next_if(|c| *c != '\n').is_some() {},
            '\'' | '"' if word.is_empty() => {
                word.extend(std::iter::from_fn(|| chars.next_if(|next| *next != c)));
                chars.next();
            }
            '\\' => word.extend(chars.next()),
            // `${name}` is a part of a word.
            '{' if word.ends_with('$') => {
                word.push(c);
                word.extend(std::iter::from_fn(|| chars.next_if(|next| *next != '}')));
                word.extend(chars.next());
            }
            '{' | '}' | ';' => {
                end(&mut word, &mut words);
                words.push(c.to_string());
            }
            c if c.is_whitespace() => end(&mut word, &mut words),
            c => word.push(c),
        }
    }
    end(&mut word, &mut words);
    words
}

/// `10m`, `1g`, `512k`, `0` for no limit at all; Caddy's `10MB` too.
fn bytes(text: &str) -> Option<Limit> {
    let lower = text.to_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit()).unwrap_or(lower.len());
    let number: u64 = lower[..end].parse().ok()?;
    let unit = match lower[end..].trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    Some(if number == 0 { Limit::Endless } else { Limit::Bytes(number.checked_mul(unit)?) })
}

/// Site by site: one that passes requests on and names no `max_size` takes all.
fn of_caddy(file: &Path) -> Proxy {
    let mut found = Proxy { file: file.display().to_string(), widest: None, open: None };
    let Ok(text) = std::fs::read_to_string(file) else {
        found.open = Some("it could not be read".to_owned());
        return found;
    };
    let words = split(&text);
    if words.iter().any(|word| word == "import") {
        found.open = Some("its imports are not followed".to_owned());
    }
    let (mut depth, mut passes, mut sizes) = (0, false, vec![]);
    // A file of one site may stand without braces around it.
    for (at, word) in words.iter().enumerate().chain([(words.len(), &String::new())]) {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "reverse_proxy" | "php_fastcgi" => passes = true,
            "max_size" => match words.get(at + 1).and_then(|size| bytes(size)) {
                Some(size) => sizes.push(size),
                None => found.open = Some("a `max_size` is not understood".to_owned()),
            },
            _ => {}
        }
        if word.is_empty() || word == "}" && depth == 0 {
            if passes {
                // With several, each may hold for some of its paths: the widest counts, and paths without one stay open.
                if sizes.len() > 1 {
                    found.open = Some("a site has several `max_size`".to_owned());
                }
                found.widest = found.widest.max(Some(sizes.iter().max().copied().unwrap_or(Limit::Endless)));
            }
            (passes, sizes) = (false, vec![]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a machine with these files says.
    fn with(files: &[(&str, &str)]) -> Option<Proxy> {
        let root = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        look(root.path())
    }

    const HTTP: &str = "user www-data; # who\nhttp { include mime.types; include /etc/nginx/sites-enabled/*; }\n";

    fn nginx(site: &str) -> Proxy {
        with(&[(NGINX, HTTP), ("etc/nginx/mime.types", "types { text/html html; }"), ("etc/nginx/sites-enabled/shop", site)])
            .expect("nginx")
    }

    #[test]
    fn the_limit_of_nginx_is_that_of_the_place_that_passes_on() {
        let widest = |site: &str| nginx(site).widest;
        let pass = "location / { proxy_pass http://127.0.0.1:8000; }";
        assert_eq!(widest(&format!("server {{ {pass} }}")), Some(Limit::Bytes(1 << 20)), "the default");
        assert_eq!(widest(&format!("server {{ {pass} client_max_body_size 2g; }}")), Some(Limit::Bytes(2 << 30)), "behind it, too");
        assert_eq!(widest(&format!("server {{ client_max_body_size 0; {pass} }}")), Some(Limit::Endless));
        let inner = "server { client_max_body_size 1g; location / { client_max_body_size 5m; proxy_pass http://up; } }";
        assert_eq!(widest(inner), Some(Limit::Bytes(5 << 20)), "the innermost counts");
        assert_eq!(widest("# client_max_body_size 0;\nserver { return 301 https://x; }"), None, "nothing is passed on");
        assert_eq!(nginx(&format!("server {{ {pass} }}")).open, None);
    }

    #[test]
    fn what_is_not_understood_stays_open() {
        let open = |proxy: Option<Proxy>| proxy.expect("a configuration").open.is_some();
        assert!(open(Some(nginx("server { client_max_body_size $size; location / { proxy_pass http://up; } }"))));
        assert!(open(Some(nginx("server { location / { proxy_pass http://up; }"))), "a brace is missing");
        assert!(open(with(&[(NGINX, "http { include not-there.conf; }")])));
        assert!(open(with(&[(CADDY, "shop.example {\n import common\n reverse_proxy :8000\n}")])));
        assert_eq!(with(&[]), None);
    }

    #[test]
    fn caddy_takes_all_unless_a_site_says_how_much() {
        let widest = |text: &str| with(&[(CADDY, text)]).expect("Caddy").widest;
        assert_eq!(widest("shop.example {\n reverse_proxy 127.0.0.1:8000\n}"), Some(Limit::Endless));
        assert_eq!(widest("shop.example\nreverse_proxy 127.0.0.1:8000"), Some(Limit::Endless), "without braces");
        let limited = "shop.example {\n request_body {\n max_size 10MB\n }\n reverse_proxy 127.0.0.1:8000\n}\n";
        assert_eq!(widest(limited), Some(Limit::Bytes(10 << 20)));
        assert_eq!(
            widest(&format!("{limited}other.example {{\n reverse_proxy :9\n}}")),
            Some(Limit::Endless),
            "the other site says nothing"
        );
        assert_eq!(widest("files.example {\n file_server\n}"), None);
    }
}
