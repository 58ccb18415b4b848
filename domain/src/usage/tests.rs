use super::Tokens;

/// Cached input and reasoning are part of input and output, and are not counted again.
#[test]
fn quotas_count_input_and_output_once() {
    let tokens = Tokens {
        input_tokens: 100,
        cached_input_tokens: 60,
        cache_write_tokens: 30,
        output_tokens: 20,
        reasoning_tokens: 15,
        ..Tokens::default()
    };
    assert_eq!(tokens.total(), 120);
    assert_eq!(
        Tokens { input_tokens: u64::MAX, ..tokens }.total(),
        u64::MAX,
        "a vendor's nonsense does not wrap"
    );
}
