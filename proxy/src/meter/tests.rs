mod transcripts;

use super::*;
use proptest::prelude::*;

pub(crate) const CHAT: &str = concat!(
    "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"}}],\"usage\":null}\n\n",
    ": a comment\n\n",
    "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
    "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_tokens_details\":{\"cached_tokens\":64},\"completion_tokens_details\":{\"reasoning_tokens\":7}}}\n\n",
    "data: [DONE]\n\n",
);
const RESPONSES: &str = concat!(
    "event: response.created\r\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\",\"usage\":null,\"error\":null}}\r\n\r\n",
    "event: response.output_text.delta\r\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\r\n\r\n",
    "event: response.output_text.done\r\ndata: {\"type\":\"response.output_text.done\",\"text\":\"Hi\"}\r\n\r\n",
    "event: response.completed\r\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\",\"error\":null,\"usage\":{\"input_tokens\":30,\"input_tokens_details\":{\"cached_tokens\":8},\"output_tokens\":12,\"output_tokens_details\":{\"reasoning_tokens\":5},\"total_tokens\":42}}}\r\n\r\n",
);
const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4\",\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":200,\"cache_read_input_tokens\":3000,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Gr\u{fc}\u{df}e\"}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":40}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":11,\"output_tokens\":55}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);
const GEMINI: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}],\"usageMetadata\":{\"promptTokenCount\":9,\"totalTokenCount\":9},\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"b}]\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"cachedContentTokenCount\":4,\"toolUsePromptTokenCount\":2,\"candidatesTokenCount\":3,\"thoughtsTokenCount\":50,\"totalTokenCount\":64},\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\n",
);
const COHERE: &str = concat!(
    "event: content-delta\ndata: {\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"x\"}}}}\n\n",
    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":5.0,\"output_tokens\":6},\"tokens\":{\"input_tokens\":71,\"output_tokens\":6}}}}\n\n",
);
const OLLAMA: &str = concat!(
    "{\"model\":\"llama3\",\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"done\":false}\n",
    "{\"model\":\"llama3\",\"message\":{\"content\":\"\"},\"done\":true,\"prompt_eval_count\":26,\"eval_count\":298}",
);

fn tokens(input: u64, cached: u64, written: u64, output: u64, reasoning: u64) -> Tokens {
    Tokens {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_tokens: written,
        output_tokens: output,
        reasoning_tokens: reasoning,
        ..Tokens::default()
    }
}

fn array() -> String {
    let chunks: Vec<_> = GEMINI.split("\r\n\r\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    format!("[{}\n]", chunks.join(",\r\n"))
}

/// Every streamed format with its usage.
pub(crate) fn streams() -> Vec<(Format, &'static str, String, Tokens, &'static str)> {
    let sse = "text/event-stream; charset=utf-8";
    vec![
        (Format::OpenAi, sse, CHAT.to_owned(), tokens(100, 64, 0, 20, 7), "gpt-4o-mini-2024-07-18"),
        (Format::OpenAiResponses, sse, RESPONSES.to_owned(), tokens(30, 8, 0, 12, 5), "gpt-5"),
        (Format::Anthropic, sse, ANTHROPIC.to_owned(), tokens(3211, 3000, 200, 55, 0), "claude-sonnet-4"),
        (Format::Gemini, sse, GEMINI.to_owned(), tokens(11, 4, 0, 53, 50), "gemini-2.5-flash"),
        (
            Format::Gemini,
            "application/json; charset=UTF-8",
            array(),
            tokens(11, 4, 0, 53, 50),
            "gemini-2.5-flash",
        ),
        (Format::Cohere, sse, COHERE.to_owned(), tokens(5, 0, 0, 6, 0), ""),
        (Format::Ollama, "application/x-ndjson", OLLAMA.to_owned(), tokens(26, 0, 0, 298, 0), "llama3"),
    ]
}

fn metered(format: Format, kind: &str, pieces: &[&[u8]]) -> Reading {
    let mut meter = Meter::new(format, kind, true);
    for piece in pieces {
        meter.push(&Bytes::copy_from_slice(piece));
    }
    meter.end(true).clone()
}

#[test]
fn every_stream_is_read_however_it_is_cut_in_two() {
    for (format, kind, text, usage, model) in streams() {
        let text = text.as_bytes();
        let whole = metered(format, kind, &[text]);
        assert_eq!(whole.tokens, Some(usage), "{format:?}");
        assert!(whole.settled && whole.finished && !whole.failed, "{format:?} {whole:?}");
        assert_eq!(whole.model.as_deref().unwrap_or(""), model);
        for cut in 0..text.len() {
            assert_eq!(metered(format, kind, &[&text[..cut], &text[cut..]]), whole, "{format:?} at {cut}");
        }
        let bytes: Vec<_> = text.chunks(1).collect();
        assert_eq!(metered(format, kind, &bytes), whole, "{format:?} byte by byte");
    }
}

proptest! {
    #[test]
    fn the_reading_does_not_depend_on_the_cuts(
        which in 0..7usize,
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        line_end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let (format, kind, text, ..) = streams().swap_remove(which);
        let text = text.replace("\r\n", "\n").replace('\n', line_end);
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).chain([0, text.len()]).collect();
        at.sort_unstable();
        let pieces: Vec<_> = at.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(metered(format, kind, &pieces), metered(format, kind, &[text.as_bytes()]));
    }

    #[test]
    fn rubbish_is_survived(kind in 0..3usize, pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
        let kind = ["text/event-stream", "application/x-ndjson", "application/json"][kind];
        for format in [Format::OpenAi, Format::OpenAiResponses, Format::Anthropic, Format::Gemini, Format::Cohere, Format::Ollama] {
            let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
            metered(format, kind, &pieces);
        }
    }
}

fn whole(format: Format, text: &str) -> Reading {
    let mut meter = Meter::new(format, "application/json", false);
    let (a, b) = text.as_bytes().split_at(text.len() / 2);
    meter.push(&Bytes::copy_from_slice(a));
    meter.push(&Bytes::copy_from_slice(b));
    meter.end(true).clone()
}

#[test]
fn whole_answers_are_read() {
    let chat = r#"{"model":"m","choices":[{"message":{"content":"abcd"}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_cache_hit_tokens":1}}"#;
    assert_eq!(whole(Format::OpenAi, chat).tokens, Some(tokens(1, 1, 0, 2, 0)));
    let embeddings = r#"{"data":[],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    assert_eq!(whole(Format::OpenAi, embeddings).tokens, Some(tokens(8, 0, 0, 0, 0)));
    let responses =
        r#"{"object":"response","model":"m","error":null,"usage":{"input_tokens":3,"output_tokens":4}}"#;
    assert_eq!(whole(Format::OpenAiResponses, responses).tokens, Some(tokens(3, 0, 0, 4, 0)));
    let message = r#"{"type":"message","model":"c","usage":{"input_tokens":1,"cache_read_input_tokens":5,"output_tokens":2}}"#;
    assert_eq!(whole(Format::Anthropic, message).tokens, Some(tokens(6, 5, 0, 2, 0)));
    let embed = r#"{"embeddings":{},"meta":{"billed_units":{"input_tokens":3}}}"#;
    assert_eq!(whole(Format::Cohere, embed).tokens, Some(tokens(3, 0, 0, 0, 0)));
    let xai = r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}}"#;
    assert_eq!(whole(Format::OpenAi, xai).tokens, Some(tokens(10, 0, 0, 25, 20)));
}

#[test]
fn an_answer_beyond_the_bound_still_gives_its_usage() {
    let numbers = "0.123456,".repeat(400_000);
    let text =
        format!(r#"{{"data":[{numbers}0],"model":"e","usage":{{"prompt_tokens":77,"total_tokens":77}}}}"#);
    assert_eq!(whole(Format::OpenAi, &text).tokens, Some(tokens(77, 0, 0, 0, 0)));
}

#[test]
fn without_usage_the_text_is_measured() {
    let reading = metered(
        Format::OpenAi,
        "text/event-stream",
        &[&CHAT.as_bytes()[..CHAT.find(": a comment").unwrap()]],
    );
    assert_eq!((reading.tokens, reading.text_bytes, reading.finished), (None, 3, false));
    let cut = ANTHROPIC.find("event: message_delta").unwrap();
    let reading = metered(Format::Anthropic, "text/event-stream", &[&ANTHROPIC.as_bytes()[..cut]]);
    assert_eq!(reading.tokens, Some(tokens(3210, 3000, 200, 1, 0)));
    assert_eq!((reading.settled, reading.text_bytes), (false, 7));
    let done = metered(
        Format::OpenAiResponses,
        "text/event-stream",
        &[&RESPONSES.as_bytes()[..RESPONSES.len() - 300]],
    );
    assert_eq!(done.text_bytes, 2, "the text that is repeated at its end counts once");
}

/// The fuzz target `meter_sniffed` promises it.
#[test]
fn blanks_before_a_stream_of_no_known_type_count_wherever_it_is_cut() {
    let endless = " ".repeat(200);
    for blanks in ["", "\n", " ", "\n \r", "\r\n\r\n", endless.as_str()] {
        for text in
            ["data: {\"error\":{\"a\":1}}\n\n", "\u{feff}data: {\"error\":{\"a\":1}}\n\n", "{\"error\":1}"]
        {
            let text = format!("{blanks}{text}");
            let whole = metered(Format::OpenAi, "text/plain", &[text.as_bytes()]);
            let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
            assert_eq!(metered(Format::OpenAi, "text/plain", &bytes), whole, "{text:?}");
            for cut in 0..text.len() {
                let (a, b) = text.as_bytes().split_at(cut);
                assert_eq!(metered(Format::OpenAi, "text/plain", &[a, b]), whole, "{text:?} at {cut}");
            }
        }
    }
    assert!(metered(Format::OpenAi, "text/plain", &[b"\n ", b"{\"error\":{\"a\":1}}"]).failed);
}

#[test]
fn an_error_inside_a_stream_is_seen() {
    let openai = b"data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    assert!(metered(Format::OpenAi, "text/event-stream", &[openai]).failed);
    let anthropic = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    assert!(metered(Format::Anthropic, "text/event-stream", &[anthropic]).failed);
    let failed =
        b"data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\"},\"usage\":null}}\n\n";
    assert!(metered(Format::OpenAiResponses, "text/event-stream", &[failed]).failed);
}

#[test]
fn one_endless_line_is_skipped_and_the_rest_is_read() {
    let endless = vec![b'x'; carry::MAX_TEXT];
    let pieces: Vec<&[u8]> = vec![b"data: ", &endless, &endless, b"\n\n", CHAT.as_bytes()];
    assert_eq!(metered(Format::OpenAi, "text/event-stream", &pieces).tokens, Some(tokens(100, 64, 0, 20, 7)));
}
