use super::Position;

fn position(tx_id: u64, global: i64) -> Position {
    Position { tx_id, global }
}

#[test]
fn a_position_survives_its_text() {
    for position in [Position::START, position(12, 34), position(u64::MAX, i64::MAX)] {
        assert_eq!(position.to_string().parse(), Ok(position));
        let json = serde_json::to_value(position).unwrap();
        assert_eq!(json, position.to_string());
        assert_eq!(serde_json::from_value::<Position>(json).unwrap(), position);
    }
    assert_eq!(position(12, 34).to_string(), "12-34");
}

#[test]
fn what_is_no_position_is_refused() {
    for text in [
        "",
        "-",
        "12",
        "12-",
        "-34",
        "12--34",
        "12-34-5",
        "a-1",
        "18446744073709551616-1",
        "1-9223372036854775808",
    ] {
        assert!(text.parse::<Position>().is_err(), "{text}");
    }
}

#[test]
fn the_transaction_counts_before_the_number() {
    assert!(position(9, 100) < position(10, 1));
    assert!(position(10, 1) < position(10, 2));
    assert!(Position::START < position(0, 1), "after a restore all transactions are 0");
}
