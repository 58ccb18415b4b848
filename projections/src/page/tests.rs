use super::{Cursor, InvalidCursor, MAX_PAGE, Page, asked};

#[test]
fn a_cursor_gives_its_key_back_to_its_own_list_only() {
    let cursor = Cursor::after("bots", &("alpha", 7)).unwrap();
    let read: Cursor = cursor.to_string().parse().unwrap();
    assert_eq!(read.key::<(String, u8)>("bots"), Ok(("alpha".to_owned(), 7)));
    assert_eq!(read.key::<(String, u8)>("keys"), Err(InvalidCursor));
    assert_eq!(read.key::<(u8, u8)>("bots"), Err(InvalidCursor));
}

#[test]
fn what_is_no_cursor_is_refused() {
    for text in ["", "a b", "ä", "a=", &"a".repeat(513)] {
        assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text:?}");
    }
    let garbage: Cursor = "abcd".parse().unwrap();
    assert_eq!(garbage.key::<String>("bots"), Err(InvalidCursor));
}

#[test]
fn a_page_ends_the_list_when_nothing_more_was_found() {
    let full = Page::cut(vec![1, 2, 3], 2, "n", |n| *n).unwrap();
    assert_eq!(full.items, [1, 2]);
    assert_eq!(full.next.unwrap().key::<i32>("n"), Ok(2));
    let last = Page::cut(vec![1, 2], 2, "n", |n| *n).unwrap();
    assert_eq!((last.items, last.next), (vec![1, 2], None));
}

#[test]
fn a_page_has_its_bounds() {
    assert_eq!(asked(0), 2);
    assert_eq!(asked(u32::MAX), i64::from(MAX_PAGE) + 1);
}
