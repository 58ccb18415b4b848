//! Gateway tokens in the text of a bot's configuration, which may be anybody's JSON5: found and replaced as text, so that
//! all the rest stays as it is, comments too.

const PREFIX: &str = "cp_";
/// Letters behind the prefix: 32 bytes in base64.
const LETTERS: usize = 43;

/// The text with `with` in the place of every gateway token; `None` if there is none.
pub fn replaced(text: &str, with: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(PREFIX) {
        let begins = !rest[..at].ends_with(is_letter) && (at > 0 || !out.ends_with(is_letter));
        let behind = &rest[at + PREFIX.len()..];
        let letters = behind.find(|c| !is_letter(c)).unwrap_or(behind.len());
        let end = at + PREFIX.len() + letters;
        if begins && letters == LETTERS {
            out.push_str(&rest[..at]);
            out.push_str(with);
            found = true;
        } else {
            out.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    found.then_some(out)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests;
