use super::*;
use pretty_assertions::assert_eq;

fn token(letter: &str) -> String {
    format!("cp_{}", letter.repeat(LETTERS))
}

fn swap(text: &str) -> Option<String> {
    replaced(text, &token("N"))
}

#[test]
fn every_token_is_replaced_and_nothing_else() {
    let text = |one: &str| format!("{{ // mine: {one}\n auth: {{ token: '{one}' }}, apiKey: \"{one}\", }}");
    assert_eq!(swap(&text(&token("o"))), Some(text(&token("N"))));
    assert_eq!(swap(&text(&token("N"))), Some(text(&token("N"))), "it has the new one already");
    assert_eq!(swap(&format!("{0}{0}", token("-"))), None, "two that are one word are none");
    assert_eq!(swap(&format!("{0} {0}", token("_"))), Some(format!("{0} {0}", token("N"))));
}

#[test]
fn what_only_looks_like_one_stays() {
    let (long, short) = (format!("{}x", token("o")), token("o")[..45].to_owned());
    for text in
        ["", "cp_", "cp_cp_", "{ token: '${TOKEN}' }", &long, &short, &format!("x{}", token("o")), "é cp_é"]
    {
        assert_eq!(swap(text), None, "{text}");
    }
}
