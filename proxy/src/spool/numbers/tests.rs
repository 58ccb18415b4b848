use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    /// It says what a plain set says, and never holds two runs that touch.
    #[test]
    fn it_is_a_set(steps in proptest::collection::vec((any::<bool>(), 1..60u64, 0..6u64), 0..120)) {
        let (mut runs, mut plain) = (Numbers::default(), BTreeSet::new());
        for (add, first, more) in steps {
            if add {
                runs.insert_run((first, first + more));
                plain.extend(first..=first + more);
            } else {
                runs.remove(first);
                plain.remove(&first);
            }
        }
        for number in 0..80 {
            prop_assert_eq!(runs.contains(number), plain.contains(&number));
            let vacant = (number..=80).find(|n| !plain.contains(n)).unwrap();
            prop_assert_eq!(runs.vacant(number), vacant);
        }
        prop_assert_eq!((runs.first(), runs.last()), (plain.first().copied(), plain.last().copied()));
        let all: Vec<_> = runs.runs().collect();
        prop_assert!(all.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{all:?}");
    }
}

#[test]
fn millions_in_a_row_are_one_run() {
    let mut numbers = Numbers::default();
    (1..=100_000).rev().for_each(|number| numbers.insert(number));
    assert_eq!(numbers.runs().collect::<Vec<_>>(), [(1, 100_000)]);
}
