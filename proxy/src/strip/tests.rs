use super::*;
use proptest::prelude::*;

const USAGE: &str = "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 1}}";

fn stream(end: &str) -> String {
    let texts = [
        r#"data: {"choices":[],"prompt_filter_results":[]}"#,
        r#"data: {"choices":[{"delta":{"content":"[]"}}],"usage":null}"#,
        ": comment",
        USAGE,
        "data: [DONE]",
    ];
    texts.iter().flat_map(|text| [text, end, end]).collect()
}

fn stripped(pieces: &[&[u8]]) -> String {
    let mut stripper = Stripper::default();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&stripper.push(Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&stripper.end());
    String::from_utf8(out).unwrap()
}

#[test]
fn only_the_usage_chunk_goes_wherever_it_is_cut() {
    for end in ["\n", "\r\n"] {
        let text = stream(end);
        let wanted = text.replace(&format!("{USAGE}{end}{end}"), "");
        assert_ne!(wanted, text);
        for cut in 0..text.len() {
            assert_eq!(stripped(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), wanted, "at {cut}");
        }
        assert_eq!(stripped(&text.as_bytes().chunks(1).collect::<Vec<_>>()), wanted);
    }
}

#[test]
fn a_whole_event_passes_at_once() {
    let mut stripper = Stripper::default();
    let event = Bytes::from_static(b"data: {\"choices\":[{\"delta\":{}}]}\n\n");
    let passed = stripper.push(event.clone());
    assert_eq!((passed.as_ptr(), passed.len()), (event.as_ptr(), event.len()), "without a copy");
    assert_eq!(stripper.push(Bytes::from_static(USAGE.as_bytes())), "");
    assert_eq!(stripper.push(Bytes::from_static(b"\n\n")), "");
    assert_eq!(stripper.push(event.clone()), event);
}

#[test]
fn an_event_that_is_too_long_passes_and_the_next_is_seen() {
    let long = format!("data: {}\n\n", "x".repeat(3 * HOLD));
    let text = format!("{long}{USAGE}\n\ndata: [DONE]\n\n");
    let wanted = format!("{long}data: [DONE]\n\n");
    let pieces: Vec<_> = text.as_bytes().chunks(1000).collect();
    assert_eq!(stripped(&pieces), wanted);
}

#[test]
fn the_end_is_looked_at_too() {
    assert_eq!(stripped(&[USAGE.as_bytes()]), "");
    assert_eq!(stripped(&[b"data: {\"choices\":[]"]), "data: {\"choices\":[]");
}

#[test]
fn the_length_that_is_held_does_not_depend_on_the_cuts() {
    for length in HOLD - 2..HOLD + 3 {
        let framed =
            |filling: &str| format!("data: {{\"choices\": [], \"usage\": {{}}, \"x\":\"{filling}\"}}\n\n");
        let text = framed(&"x".repeat(length - framed("").len()));
        let goes = text.len() <= HOLD;
        let wanted = if goes { "" } else { text.as_str() };
        for cut in [0, 1, length - 3, length - 1] {
            let (a, b) = text.as_bytes().split_at(cut);
            assert!(stripped(&[a, b]) == wanted, "{} bytes cut at {cut}", text.len());
        }
        assert!(stripped(&text.as_bytes().chunks(1).collect::<Vec<_>>()) == wanted);
    }
}

/// The fuzz target `usage_chunk` promises it.
#[test]
fn a_third_line_end_belongs_to_the_next_event() {
    for lines in ["\n\n\n", "\r\n\r\n\r\n", "\n\n\n\n\n"] {
        let text = format!("data: x{lines}{USAGE}\n\ndata: y\n\n");
        let bytewise = stripped(&text.as_bytes().chunks(1).collect::<Vec<_>>());
        let cut = text.find(USAGE).unwrap();
        assert_eq!(stripped(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), bytewise, "{lines:?}");
        assert_eq!(stripped(&[text.as_bytes()]), bytewise, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn without_usage_nothing_changes(pieces in proptest::collection::vec("[a-z{}\\[\\]\": \\r\\n]{0,30}", 0..20)) {
        let bytes: Vec<_> = pieces.iter().map(String::as_bytes).collect();
        prop_assert_eq!(stripped(&bytes), pieces.concat());
    }
}
