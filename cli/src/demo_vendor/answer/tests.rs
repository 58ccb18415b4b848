use super::{Answer, Message};
use serde_json::json;

fn to(messages: &serde_json::Value) -> Answer {
    let messages: Vec<Message> = serde_json::from_value(messages.clone()).unwrap();
    Answer::to(&messages)
}

#[test]
fn the_last_user_is_echoed_and_every_text_is_counted() {
    let answer = to(&json!([
        {"role": "system", "content": "Be  brief\nplease."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "user", "content": [
            {"type": "text", "text": "two three"},
            {"type": "image_url", "image_url": {"url": "data:"}},
        ]},
        {"role": "tool", "content": "four"},
    ]));
    let expected = Answer { text: "You said: two three".to_owned(), input_tokens: 7, output_tokens: 4 };
    assert_eq!(answer, expected);
}

#[test]
fn silence_is_answered_too() {
    assert_eq!(to(&json!([])).text, "You said nothing.");
    assert_eq!(to(&json!([{"role": "user", "content": " "}])).text, "You said nothing.");
}

#[test]
fn the_pieces_are_words_and_make_up_the_text() {
    let answer = to(&json!([{"role": "user", "content": "a\n\n b  ü"}]));
    assert_eq!(answer.pieces(), ["You", " said:", " a", "\n\n b", "  ü"]);
    assert_eq!(answer.pieces().len(), answer.output_tokens);
    assert_eq!(answer.pieces().concat(), answer.text);
}
