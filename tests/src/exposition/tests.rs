use super::*;

const GOOD: &str = "# HELP a_total what \"it\" is\n# TYPE a_total counter\na_total{x=\"1\",y=\"a\\\"b\\n\"} 3\na_total 0.5\n\n\
# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 0.3\nh_count 2\n";

#[test]
fn what_is_right_is_read() {
    let scrape = Scrape::parse(GOOD).unwrap();
    assert_eq!(scrape.count("a_total", &[("x", "1"), ("y", "a\"b\n")]), 3);
    assert_eq!(scrape.value_of("a_total", &Labels::new()), Some(0.5));
    assert_eq!((scrape.count("h_count", &[]), scrape.count("nothing", &[])), (2, 0));
    assert_eq!(scrape.types["h"], "histogram");
}

#[test]
fn what_is_wrong_is_not() {
    for (right, wrong) in [
        ("h_count 2", "h_count 3"),
        ("h_bucket{le=\"0.1\"} 1", "h_bucket{le=\"0.1\"} 3"),
        ("le=\"+Inf\"", "le=\"0.2\""),
        ("# TYPE a_total counter\n", ""),
        ("# TYPE a_total counter", "# TYPE a_total count"),
        ("a_total 0.5", "a_total"),
        ("a_total 0.5", "a-total 0.5"),
        ("a_total 0.5", "a_total 0.5\na_total 0.6"),
        ("\\n\"}", "\\n}"),
        ("\\n\"}", "\\x\"}"),
        ("h_count 2\n", "h_count 2"),
    ] {
        assert!(GOOD.contains(right));
        let text = GOOD.replacen(right, wrong, 1);
        assert!(Scrape::parse(&text).is_err(), "{text}");
    }
}
