use super::*;
use clawplane_domain::price::PriceScope;
use proptest::prelude::*;
use uuid::Uuid;

const T: [&str; 3] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn price(id: u128, model: &str, from: Option<&str>, sequence: u64) -> VersionedPrice {
    let scope = PriceScope {
        vendor: "openai".parse().unwrap(),
        model: model.parse().unwrap(),
        valid_from: from.map(at),
    };
    let row = PriceRow { scope, rates: Rates::default() };
    VersionedPrice { id: PriceId(Uuid::from_u128(id)), sequence, row }
}

fn book(prices: &[VersionedPrice]) -> Book {
    let mut book = Book::default();
    prices.iter().cloned().for_each(|price| book.set(price));
    book
}

/// Which price counts, by its number.
fn found(book: &Book, models: &[&str], when: &str) -> Option<u128> {
    book.find("openai", models.iter().copied(), at(when)).map(|charge| charge.id.0.as_u128())
}

#[test]
fn the_narrower_counts_before_the_wider() {
    let book = book(&[
        price(1, "gpt-*", None, 1),
        price(2, "gpt-x", None, 1),
        price(3, "*", None, 1),
        price(4, "gpt-x-*", None, 1),
        price(5, "o*", None, 1),
    ]);
    let cases =
        [("gpt-x", 2), ("gpt-x-1", 4), ("gpt-y", 1), ("gpt-", 1), ("o1", 5), ("claude", 3), ("gpt", 3)];
    for (model, expected) in cases {
        assert_eq!(found(&book, &[model], T[0]), Some(expected), "{model}");
    }
    assert_eq!(found(&book, &["gpt-x-1", "gpt-x"], T[0]), Some(2), "the asked name itself before a pattern");
    assert_eq!(found(&book, &["new", "gpt-y"], T[0]), Some(3), "among patterns the best name");
    assert_eq!(found(&book, &[], T[0]), None);
    assert!(book.find("groq", ["gpt-x"].into_iter(), at(T[0])).is_none());
}

#[test]
fn the_latest_that_has_begun_counts() {
    let rows = [price(1, "m", Some(T[1]), 1), price(2, "m", None, 1), price(3, "m", Some(T[2]), 1)];
    let whole = book(&rows);
    let counts = |book: &Book| T.map(|when| found(book, &["m"], when));
    assert_eq!(counts(&whole), [Some(2), Some(1), Some(3)]);
    let mut fallback = book(&[rows[0].clone(), price(4, "*", None, 1)]);
    assert_eq!(counts(&fallback), [Some(4), Some(1), Some(1)], "what has not begun stands in nobody's way");
    fallback.remove(rows[0].id);
    assert_eq!(counts(&fallback), [Some(4); 3]);
    let mut sorted = rows.to_vec();
    sorted.reverse();
    assert_eq!(counts(&book(&sorted)), counts(&whole));
}

#[test]
fn a_change_moves_a_price_and_older_snapshots_keep_it() {
    let first = book(&[price(1, "a", None, 1)]);
    let mut second = first.clone();
    second.set(price(1, "b*", None, 2));
    assert_eq!((found(&first, &["a"], T[0]), found(&first, &["b"], T[0])), (Some(1), None));
    assert_eq!((found(&second, &["a"], T[0]), found(&second, &["b"], T[0])), (None, Some(1)));
    let charge = second.find("openai", ["b"].into_iter(), at(T[0])).unwrap();
    assert!(charge.version.ends_with("@2"), "{}", charge.version);
    second.remove(PriceId(Uuid::from_u128(1)));
    second.remove(PriceId(Uuid::from_u128(1)));
    assert_eq!(found(&second, &["b"], T[0]), None);
    assert!(second.shelves["openai"].prefixes.is_empty() && second.places.is_empty());
}

proptest! {
    /// However they come and go, what counts is what a plain search of all that are left would say.
    #[test]
    fn it_finds_what_a_search_of_all_finds(
        steps in prop::collection::vec((0..6_u128, "[ab]{0,3}", any::<bool>(), 0..4_usize, any::<bool>()), 0..30),
        model in "[ab]{1,4}",
        when in 0..3_usize,
    ) {
        let (mut book, mut rows) = (Book::default(), std::collections::BTreeMap::new());
        for (id, name, pattern, from, removed) in steps {
            let name = if pattern || name.is_empty() { format!("{name}*") } else { name };
            let row = price(id, &name, T.get(from).copied(), 1);
            let scope = row.row.scope.clone();
            let taken = |(other, row): (&u128, &VersionedPrice)| *other != id && row.row.scope == scope;
            if removed {
                rows.remove(&id);
                book.remove(row.id);
            } else if !rows.iter().any(taken) {
                rows.insert(id, row.clone());
                book.set(row);
            }
        }
        let fits = |row: &&VersionedPrice| {
            let pattern = &row.row.scope.model;
            pattern.prefix().map_or(pattern.as_str() == model, |prefix| model.starts_with(prefix))
                && row.row.scope.valid_from.is_none_or(|from| from <= at(T[when]))
        };
        let narrow = |row: &&VersionedPrice| {
            let scope = &row.row.scope;
            (scope.model.prefix().is_none(), scope.model.as_str().len(), scope.valid_from)
        };
        let expected = rows.values().filter(fits).max_by_key(narrow).map(|row| row.id.0.as_u128());
        prop_assert_eq!(found(&book, &[&model], T[when]), expected);
    }
}
