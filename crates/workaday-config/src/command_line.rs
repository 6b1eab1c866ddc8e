//! A command written as one text: split at spaces, quotes kept together. No shell: what only a shell understands is refused.

/// Splits `make deploy HOST="my host"`. `None`: an open quote, or something that only a shell would understand.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' if letter == '"' => word.push(letters.next()?),
                        '$' | '`' if letter == '"' => return None,
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            space if space.is_whitespace() => words.extend(word.take()),
            '|' | '&' | ';' | '<' | '>' | '$' | '`' | '(' | ')' | '*' | '?' => return None,
            '~' | '#' if word.is_none() => return None,
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_text_becomes_words_and_a_shell_line_is_refused() {
        let words = |text: &str| split(text).map(|words| words.join("|"));
        assert_eq!(words("make deploy").as_deref(), Some("make|deploy"));
        assert_eq!(words("a 'b c' \"d \\\" e\" f\\ g ''").as_deref(), Some("a|b c|d \" e|f g|"));
        for shell in ["a && b", "a | b", "a > b", "a; b", "echo $HOME", "echo `date`", "ls *.py", "open \"quote", "~/bin/x", ""] {
            assert_eq!(words(shell), None, "{shell}");
        }
    }
}
