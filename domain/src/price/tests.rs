use super::*;
use crate::{
    claim::{Claim, Claims, Scope},
    testing::{at, given, id, replay_equals_live, value},
    usage::{TokenDetails, Tokens},
};
use proptest::prelude::*;

fn rates(input: u64, output: u64) -> Rates {
    Rates { input_micros: input, output_micros: output, ..Rates::default() }
}

fn row(model: &str, input: u64) -> PriceRow {
    let scope = PriceScope { vendor: value("openai"), model: value(model), valid_from: None };
    PriceRow { scope, rates: rates(input, 10) }
}

fn set(row: PriceRow) -> PriceEvent {
    PriceEvent::Set { row, replaces: None }
}

fn removed(model: &str) -> PriceEvent {
    PriceEvent::Removed { scope: row(model, 0).scope }
}

fn tokens(input: u64, cached: u64, written: u64, output: u64) -> Tokens {
    Tokens {
        input_tokens: input,
        cached_input_tokens: cached,
        cache_write_tokens: written,
        output_tokens: output,
        ..Tokens::default()
    }
}

#[test]
fn a_row_is_made_once() {
    let add = |n| PriceCommand::Add(row("gpt-x", n));
    let state = given::<Price>([]).when(add(1)).then([set(row("gpt-x", 1))]);
    let version = state.in_force(id(9)).unwrap().version();
    assert_eq!(version, "price/01990000-0000-7000-8000-000000000009@1");
    given::<Price>([set(row("gpt-x", 1))]).when(add(2)).refused(&PriceRefusal::Exists);
    given::<Price>([set(row("gpt-x", 1)), removed("gpt-x")]).when(add(2)).refused(&PriceRefusal::Exists);
}

#[test]
fn a_changed_row_has_another_version_and_frees_what_it_was_for() {
    let change = |model, n| PriceCommand::Change(row(model, n));
    let state = given::<Price>([set(row("a", 1))]).when(change("a", 2)).then([set(row("a", 2))]);
    assert_eq!((state.sequence, state.in_force(id(1)).unwrap().sequence), (2, 2));
    given::<Price>([set(row("a", 1))]).when(change("a", 1)).then_nothing();
    let moved = PriceEvent::Set { row: row("b*", 1), replaces: Some(row("a", 1).scope) };
    given::<Price>([set(row("a", 1))]).when(change("b*", 1)).then([moved]);
    given::<Price>([]).when(change("a", 1)).refused(&PriceRefusal::Unknown);
    given::<Price>([set(row("a", 1)), removed("a")]).when(change("a", 2)).refused(&PriceRefusal::Unknown);
}

#[test]
fn a_removed_row_is_not_in_force() {
    let state = given::<Price>([set(row("a", 1))]).when(PriceCommand::Remove).then([removed("a")]);
    assert_eq!(state.in_force(id(1)), None);
    given::<Price>([]).when(PriceCommand::Remove).refused(&PriceRefusal::Unknown);
    given::<Price>([set(row("a", 1)), removed("a")])
        .when(PriceCommand::Remove)
        .refused(&PriceRefusal::Unknown);
}

#[test]
fn every_rate_is_bounded_and_named() {
    let over = Some(MAX_RATE + 1);
    let cases = [
        ("inputMicros", Rates { input_micros: MAX_RATE + 1, ..Rates::default() }),
        ("cachedInputMicros", Rates { cached_input_micros: over, ..Rates::default() }),
        ("cacheWriteMicros", Rates { cache_write_micros: over, ..Rates::default() }),
        ("outputMicros", Rates { output_micros: u64::MAX, ..Rates::default() }),
        ("requestMicros", Rates { request_micros: over, ..Rates::default() }),
    ];
    for (field, rates) in cases {
        let (before, wanted) = (set(row("a", 0)), PriceRow { rates, ..row("a", 0) });
        let refusal = PriceRefusal::TooLarge { field };
        given::<Price>([]).when(PriceCommand::Add(wanted.clone())).refused(&refusal);
        given::<Price>([before]).when(PriceCommand::Change(wanted)).refused(&refusal);
    }
    let most = PriceRow { rates: rates(MAX_RATE, 0), ..row("a", 0) };
    given::<Price>([]).when(PriceCommand::Add(most.clone())).then([set(most)]);
}

#[test]
fn a_scope_is_claimed_and_given_back() {
    let claim = |text: &str| Claim::new(Scope::Price, &text);
    let first = set(row("a", 1));
    assert_eq!(first.takes(), [claim("openai a")]);
    let mut dated = row("b*", 1);
    dated.scope.valid_from = Some(at(0));
    let moved = PriceEvent::Set { row: dated, replaces: Some(row("a", 1).scope) };
    assert_eq!(moved.takes(), [claim("openai b* 2026-03-01T12:00:00.000000Z")]);
    assert!(moved.releases().contains(&claim("openai a")));
    assert_eq!((removed("a").takes(), removed("a").releases()), (vec![], vec![claim("openai a")]));
}

#[test]
fn each_kind_of_token_has_its_rate() {
    let all = Rates {
        input_micros: 3_000_000,
        cached_input_micros: Some(300_000),
        cache_write_micros: Some(3_750_000),
        output_micros: 15_000_000,
        request_micros: Some(7),
        ..Rates::default()
    };
    // 500 at 3, 300 at 0.3, 200 at 3.75, 100 at 15 micro-dollars, and 7 for the request.
    assert_eq!(all.cost(&tokens(1000, 300, 200, 100)), Some(1500 + 90 + 750 + 1500 + 7));
    let plain = Rates { cached_input_micros: None, cache_write_micros: None, ..all };
    assert_eq!(plain.cost(&tokens(1000, 300, 200, 100)), Some(3000 + 1500 + 7), "as other input");
    assert_eq!(all.cost(&tokens(0, 0, 0, 0)), Some(7));
    assert_eq!(all.cost(&tokens(10, 20, 0, 0)), Some(3 + 7), "more cached than there was is not more");
    let free = Rates { cached_input_micros: Some(0), ..rates(1, 0) };
    assert_eq!(free.cost(&tokens(5, 5, 0, 0)), Some(0), "free is a price");
}

/// Powers of ten, so that each digit of a cost is a part.
#[test]
fn details_have_rates_of_their_own_and_else_those_of_the_whole() {
    let details = TokenDetails {
        cache_write_1h_tokens: 1,
        input_audio_tokens: 5,
        cached_audio_tokens: 2,
        input_image_tokens: 7,
        cached_image_tokens: 3,
        input_video_tokens: 6,
        output_audio_tokens: 1,
        output_image_tokens: 2,
        output_video_tokens: 3,
        citation_tokens: 4,
        ..TokenDetails::default()
    };
    let all = Tokens { reasoning_tokens: 5, details, ..tokens(30, 9, 3, 21) };
    let rate = |digit: u32| Some(1_000_000 * 10_u64.pow(digit));
    let input = Rates {
        input_micros: 1_000_000,
        cached_input_micros: rate(1),
        cache_write_micros: rate(2),
        cache_write_1h_micros: rate(3),
        input_audio_micros: rate(4),
        cached_audio_micros: rate(5),
        input_image_micros: rate(6),
        ..Rates::default()
    };
    // Plain 5, cached 4 and 3 cached pictures, written 2, for an hour 1, sound 3 and 2 cached, pictures 4; film is 6.
    assert_eq!(input.cost(&all), Some(4_231_270 + 5 + 6));
    let film = Rates { cached_image_micros: rate(5), input_video_micros: rate(4), ..input };
    assert_eq!(film.cost(&all), Some(4_231_240 + 300_000 + 60_000 + 5));
    let output = Rates {
        output_micros: 1_000_000,
        reasoning_micros: rate(1),
        output_audio_micros: rate(2),
        output_image_micros: rate(3),
        output_video_micros: rate(4),
        citation_micros: rate(5),
        ..Rates::default()
    };
    assert_eq!(output.cost(&all), Some(432_156));
    assert_eq!(rates(1_000_000, 1_000_000).cost(&all), Some(51), "nothing twice and nothing left out");
    let sound = Rates { input_audio_micros: rate(1), ..rates(1_000_000, 0) };
    assert_eq!(
        sound.cost(&all),
        Some(25 + 50),
        "cached sound is as sound, where nothing is said about the cache"
    );
}

/// A count and its rate.
type Field = (fn(&mut TokenDetails) -> &mut u64, fn(&mut Rates) -> &mut Option<u64>);

#[test]
fn a_unit_without_a_rate_makes_the_price_unknown() {
    let set = |field: fn(&mut TokenDetails) -> &mut u64| {
        let mut all = tokens(10, 0, 0, 0);
        *field(&mut all.details) = 3;
        all
    };
    let fields: [Field; 4] = [
        (|d| &mut d.web_searches, |r| &mut r.web_search_micros),
        (|d| &mut d.file_searches, |r| &mut r.file_search_micros),
        (|d| &mut d.audio_seconds, |r| &mut r.audio_second_micros),
        (|d| &mut d.document_pages, |r| &mut r.document_page_micros),
    ];
    for (detail, rate) in fields {
        let mut said = rates(1_000_000, 0);
        assert_eq!(said.cost(&set(detail)), None, "never as if it were free");
        *rate(&mut said) = Some(7);
        assert_eq!(said.cost(&set(detail)), Some(10 + 21));
        *rate(&mut said) = Some(0);
        assert_eq!(said.cost(&set(detail)), Some(10), "free because somebody said so");
        assert_eq!(said.cost(&tokens(10, 0, 0, 0)), Some(10));
    }
}

#[test]
fn a_cost_is_rounded_up_and_never_wraps() {
    assert_eq!(rates(1, 0).cost(&tokens(1, 0, 0, 0)), Some(1));
    assert_eq!(rates(1, 0).cost(&tokens(1_000_000, 0, 0, 0)), Some(1));
    assert_eq!(rates(1, 0).cost(&tokens(1_000_001, 0, 0, 0)), Some(2));
    assert_eq!(rates(1, 1).cost(&tokens(1, 0, 0, 1)), Some(1), "once, at the end");
    assert_eq!(rates(1_000_000, 0).cost(&tokens(MAX_COST, 0, 0, 0)), Some(MAX_COST));
    assert_eq!(rates(1_000_000, 0).cost(&tokens(MAX_COST + 1, 0, 0, 0)), None);
    let most = Rates {
        input_micros: u64::MAX,
        cached_input_micros: Some(u64::MAX),
        cache_write_micros: Some(u64::MAX),
        output_micros: u64::MAX,
        request_micros: Some(u64::MAX),
        ..Rates::default()
    };
    assert_eq!(most.cost(&tokens(u64::MAX, u64::MAX, u64::MAX, u64::MAX)), None);
}

fn any_tokens() -> impl Strategy<Value = Tokens> {
    let count = 0..10_000_000_u64;
    (count.clone(), count.clone(), count.clone(), count).prop_map(|(plain, cached, written, output)| {
        tokens(plain + cached + written, cached, written, output)
    })
}

fn any_rates() -> impl Strategy<Value = Rates> {
    let (rate, maybe) = (0..100_000_000_u64, prop::option::of(0..100_000_000_u64));
    (rate.clone(), maybe.clone(), maybe.clone(), rate, maybe).prop_map(
        |(input_micros, cached_input_micros, cache_write_micros, output_micros, request_micros)| Rates {
            input_micros,
            output_micros,
            cached_input_micros,
            cache_write_micros,
            request_micros,
            ..Rates::default()
        },
    )
}

fn sum(a: &Tokens, b: &Tokens) -> Tokens {
    tokens(
        a.input_tokens + b.input_tokens,
        a.cached_input_tokens + b.cached_input_tokens,
        a.cache_write_tokens + b.cache_write_tokens,
        a.output_tokens + b.output_tokens,
    )
}

fn any_details() -> impl Strategy<Value = TokenDetails> {
    prop::array::uniform10(prop_oneof![Just(0), 0..100_u64, Just(u64::MAX)]).prop_map(|n| TokenDetails {
        cache_write_1h_tokens: n[0],
        input_audio_tokens: n[1],
        cached_audio_tokens: n[2],
        input_image_tokens: n[3],
        cached_image_tokens: n[4],
        input_video_tokens: n[5],
        output_audio_tokens: n[6],
        output_image_tokens: n[7],
        output_video_tokens: n[8],
        citation_tokens: n[9],
        ..TokenDetails::default()
    })
}

proptest! {
    /// Whatever nonsense a vendor reports, every token is in one part and no token in two.
    #[test]
    fn parts_add_up_to_the_whole(all in prop::array::uniform5(0..200_u64), details in any_details()) {
        let [input, cached, written, output, reasoning] = all;
        let all = Tokens { reasoning_tokens: reasoning, details, ..tokens(input, cached, written, output) };
        let p = parts::Parts::of(&all);
        let inputs = [p.input, p.cached, p.written, p.written_1h, p.audio, p.cached_audio, p.image, p.cached_image,
            p.video];
        let outputs = [p.output, p.reasoning, p.output_audio, p.output_image, p.output_video, p.citations];
        prop_assert_eq!((inputs.iter().sum(), outputs.iter().sum()), (input, output));
        prop_assert_eq!(rates(1_000_000, 1_000_000).cost(&all), Some(input + output));
    }

    /// What is split over two requests costs at least as much as in one, and at most a micro-dollar more.
    #[test]
    fn the_price_of_a_sum(a in any_tokens(), b in any_tokens(), rates in any_rates()) {
        let rates = Rates { request_micros: None, ..rates };
        let cost = |tokens: &Tokens| rates.cost(tokens).unwrap();
        let (parts, whole) = (cost(&a) + cost(&b), cost(&sum(&a, &b)));
        prop_assert!(parts >= whole && parts <= whole + 1, "{parts} {whole}");
        prop_assert!(whole >= cost(&a).max(cost(&b)), "more tokens never cost less");
    }

    /// Never below the exact price, and less than a micro-dollar above it.
    #[test]
    fn a_cost_is_the_exact_price_rounded_up(t in any_tokens(), rates in any_rates()) {
        let plain = t.input_tokens - t.cached_input_tokens - t.cache_write_tokens;
        let product = |tokens: u64, rate: Option<u64>| {
            u128::from(tokens) * u128::from(rate.unwrap_or(rates.input_micros))
        };
        let exact = product(plain, None)
            + product(t.cached_input_tokens, rates.cached_input_micros)
            + product(t.cache_write_tokens, rates.cache_write_micros)
            + product(t.output_tokens, Some(rates.output_micros))
            + product(1_000_000, Some(rates.request_micros.unwrap_or(0)));
        let cost = u128::from(rates.cost(&t).unwrap()) * 1_000_000;
        prop_assert!(cost >= exact && cost - exact < 1_000_000);
    }

    #[test]
    fn replay_is_the_live_state(steps in prop::collection::vec((0..3_u8, 0..3_u64), 0..10)) {
        let command = |(kind, n): (u8, u64)| match kind {
            0 => PriceCommand::Add(row("a", n)),
            1 => PriceCommand::Change(row(if n == 0 { "b*" } else { "a" }, n)),
            _ => PriceCommand::Remove,
        };
        let state = replay_equals_live::<Price>(steps.into_iter().map(command));
        prop_assert!(state.row.is_some() || state.sequence == 0);
    }
}
