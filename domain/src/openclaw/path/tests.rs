use super::*;
use pretty_assertions::assert_eq;

#[test]
fn ways_down_are_paths_and_all_others_are_none() {
    for good in
        ["SOUL.md", "skills/weather/SKILL.md", "memory/2026-01-01.md", "ä/…", ".hidden", "a..b", "..."]
    {
        assert_eq!(good.parse::<WorkspacePath>().unwrap().to_string(), good);
    }
    assert_eq!("skills/".parse::<WorkspacePath>().unwrap().to_string(), "skills");
    assert_eq!("".parse::<WorkspacePath>().unwrap().split_last(), None);
    let long = "x".repeat(256);
    let very_long = "x/".repeat(600);
    let deep = "x/".repeat(33);
    for bad in [
        "..",
        "../x",
        "a/../b",
        "a/..",
        "/etc/passwd",
        "//x",
        "a//b",
        ".",
        "./a",
        "a/.",
        "a\0b",
        "a\nb",
        "/",
        ".clawplane.tmp",
        "a/.clawplane.1",
        &long,
        &very_long,
        &deep,
    ] {
        assert!(bad.parse::<WorkspacePath>().is_err(), "{bad:?}");
    }
}
