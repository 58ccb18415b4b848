use super::*;

/// Reads a few bytes at a time, so that tokens are cut everywhere.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let taken = out.len().min(self.1).min(self.0.len());
        out[..taken].copy_from_slice(&self.0[..taken]);
        self.0 = &self.0[taken..];
        Ok(taken)
    }
}

fn redacted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Redacted::new(Slow(text, 7)).read_to_end(&mut out).unwrap();
    out
}

fn token(letter: char) -> String {
    format!("cp_{}", letter.to_string().repeat(43))
}

#[test]
fn tokens_go_and_everything_else_stays() {
    let (a, b, x) = (token('a'), token('-'), token('x'));
    let text = format!("{a}\n{{\"token\":\"{b}\"}} {a}");
    assert_eq!(redacted(text.as_bytes()), format!("{x}\n{{\"token\":\"{x}\"}} {x}").as_bytes());
    for other in [format!("{a}a"), format!("z{a}"), "cp_short".into(), String::new(), a[..45].into()] {
        assert_eq!(redacted(other.as_bytes()), other.as_bytes(), "{other}");
    }
}

#[test]
fn a_token_is_found_wherever_reads_end() {
    for before in [0, 1, READ - 47, READ - 46, READ - 3, READ - 2, READ - 1, READ, READ + 1] {
        let text = [vec![b' '; before], token('a').into_bytes(), vec![b'\n'; 100]].concat();
        let out = redacted(&text);
        assert_eq!(out.len(), text.len());
        assert!(!out.windows(8).any(|window| window == b"aaaaaaaa"), "after {before} bytes");
    }
    let long = [vec![b'a'; READ - 1], token('a').into_bytes()].concat();
    assert_eq!(redacted(&long), long, "the letter before it may be long gone");
}
