//! Headers and options are read as people mean them.

use super::*;

fn of(first: &[&str], columns: Option<&str>, header: CsvHeader) -> Result<(Layout, bool), String> {
    let first: Vec<&[u8]> = first.iter().map(|field| field.as_bytes()).collect();
    let options = CsvOptions {
        columns: columns.map(|text| text.parse().expect("columns")),
        header,
        ..CsvOptions::default()
    };
    Layout::of(&first, &options)
}

#[test]
fn a_header_names_the_columns() {
    for (header, time, key, size, next) in [
        (&["time", "key", "size"][..], Some(0), 1, Some(2), None),
        (
            &["Obj-ID", " object_size", "Timestamp"],
            Some(2),
            0,
            Some(1),
            None,
        ),
        (&["id", "key"], None, 1, None, None),
        (&["url", "next"], None, 0, None, Some(1)),
        (&["key"], None, 0, None, None),
    ] {
        let (layout, is_header) = of(header, None, CsvHeader::Auto).expect("a header");
        assert!(is_header);
        assert_eq!(
            (layout.time, layout.key, layout.size, layout.next),
            (time, key, size, next)
        );
    }
}

#[test]
fn columns_by_number_tell_a_header_by_text_where_numbers_must_be() {
    for (first, columns, header, is_header) in [
        (
            &["1", "a", "5"][..],
            "time=1,key=2,size=3",
            CsvHeader::Auto,
            false,
        ),
        (
            &["when", "what", "much"],
            "time=1,key=2,size=3",
            CsvHeader::Auto,
            true,
        ),
        (&["when", "what"], "key=2", CsvHeader::Auto, false),
        (&["when", "object id"], "key=2", CsvHeader::Auto, true),
        (&["when", "what"], "key=2", CsvHeader::Yes, true),
        (&["when", "object id"], "key=2", CsvHeader::No, false),
        (&["when", "what"], "key=What", CsvHeader::Auto, true),
        (&["1", "-1"], "key=1,next=2", CsvHeader::Auto, false),
    ] {
        let (_, found) = of(first, Some(columns), header).expect("a layout");
        assert_eq!(found, is_header, "{first:?} {columns} {header:?}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    for (first, columns, header, told) in [
        (
            &["1", "2", "3"][..],
            None,
            CsvHeader::Auto,
            "--columns time=1,key=2,size=3",
        ),
        (&["a", "b"], None, CsvHeader::Yes, "`a, b`"),
        (&["a", "b"], Some("key=3"), CsvHeader::Auto, "has 2 fields"),
        (&["a", "b"], Some("key=c"), CsvHeader::Auto, "no column c"),
        (&["a", "b"], Some("key=a"), CsvHeader::No, "give numbers"),
    ] {
        let error = of(first, columns, header).expect_err("no layout");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn columns_are_shown_as_they_are_given() {
    for text in ["time=1,key=2,size=3", "key=url,next=7"] {
        let columns: CsvColumns = text.parse().expect("columns");
        assert_eq!(columns.to_string(), text);
    }
    for (text, error) in [
        ("key=0", CsvColumnsError::Malformed("key=0".to_owned())),
        ("key=", CsvColumnsError::Malformed("key=".to_owned())),
        ("color=3", CsvColumnsError::Malformed("color=3".to_owned())),
        ("key=1,key=2", CsvColumnsError::Twice("key")),
        ("time=1", CsvColumnsError::NoKey),
    ] {
        assert_eq!(text.parse::<CsvColumns>(), Err(error));
    }
}
