use super::*;
use bytes::Bytes;
use clawplane_domain::Secret;
use pretty_assertions::assert_eq;

const AT: &str = "2026-03-01T12:00:00.000000001Z ";

fn chunk(stderr: bool, text: &str) -> LogChunk {
    LogChunk { stderr, bytes: Bytes::from(text.to_owned()) }
}

async fn lines(chunks: Vec<LogChunk>, since: Option<Timestamp>) -> Vec<LogLine> {
    let redactor = Redactor::knowing([Secret::new("the-token".into())]);
    let chunks = stream::iter(chunks.into_iter().map(Ok)).boxed();
    of(chunks, redactor, since).map(Result::unwrap).collect().await
}

#[tokio::test]
async fn lines_have_their_time_and_stream() {
    let found =
        lines(vec![chunk(false, &format!("{AT}one\n")), chunk(true, &format!("{AT}two\n"))], None).await;
    let at: Timestamp = AT.trim().parse().unwrap();
    let line = |stderr, text: &str| LogLine { at: Some(at), stderr, text: text.into(), cut: false };
    assert_eq!(found, [line(false, "one"), line(true, "two")]);
}

#[tokio::test]
async fn a_line_in_pieces_is_one_line_and_its_secret_is_found() {
    // The engine puts the time before each piece; the other stream may come between.
    let pieces = vec![
        chunk(false, &format!("{AT}begin the-")),
        chunk(true, &format!("{AT}other\n")),
        chunk(false, &format!("{AT}token end")),
        chunk(false, &format!("{AT} really\nand ")),
        chunk(false, &format!("{AT}no end")),
    ];
    let found: Vec<_> = lines(pieces, None).await.into_iter().map(|line| line.text).collect();
    assert_eq!(found, ["other", "begin [redacted] end really", "and no end"]);
}

#[tokio::test]
async fn a_line_without_an_end_takes_no_more_than_its_share() {
    let piece = format!("{AT}{}", "x".repeat(LONGEST_LINE - 4));
    let rest = format!("{AT}the-token {}\nnext\n", "y".repeat(100_000));
    let found = lines(vec![chunk(false, &piece), chunk(false, &rest)], None).await;
    assert_eq!(found.len(), 2);
    assert!(found[0].cut && found[0].text.len() <= LONGEST_LINE - LONGEST);
    assert!(!found[0].text.contains("the-"), "half a secret is not shown");
    assert_eq!((found[1].text.as_str(), found[1].cut), ("next", false));
}

#[tokio::test]
async fn what_a_terminal_would_obey_is_taken_out() {
    let text = format!("{AT}\u{1b}[31mred\u{1b}[0m\r\u{7}\tx \u{fffd}\n");
    let found = lines(vec![chunk(false, &text)], None).await;
    assert_eq!(found[0].text, "red\tx \u{fffd}");
    let broken = LogChunk { stderr: false, bytes: Bytes::from_static(b"no time \xff\xfe\n") };
    let found = lines(vec![broken], None).await;
    assert_eq!((found[0].at, found[0].text.as_str()), (None, "no time \u{fffd}\u{fffd}"));
}

#[tokio::test]
async fn nothing_is_shown_from_before() {
    let early = chunk(false, "2026-03-01T12:00:00.100000000Z early\n");
    let late = chunk(false, "2026-03-01T12:00:00.200000000Z late\n");
    let since = "2026-03-01T12:00:00.200Z".parse().unwrap();
    let found = lines(vec![early, late], Some(since)).await;
    assert_eq!(found.into_iter().map(|line| line.text).collect::<Vec<_>>(), ["late"]);
}

#[tokio::test]
async fn an_error_ends_the_lines() {
    let error = RuntimeError::Conflict { message: "gone".into() };
    let chunks = vec![Ok(chunk(false, &format!("{AT}one\n"))), Err(error.clone()), Ok(chunk(false, "two\n"))];
    let found: Vec<_> = of(stream::iter(chunks).boxed(), Redactor::default(), None).collect().await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], Err(error));
}
