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
fn a_header_with_two_columns_of_keys_is_refused() {
    for (header, told) in [
        (
            &["ts", "id", "url", "size"][..],
            "2 columns that may be the key (`id`, `url`): say which one is, as in --columns time=1,key=2,size=4",
        ),
        (&["offset", "lba"], "(`lba`, `offset`)"),
        (&["object", "key", "block"], "(`key`, `object`)"),
        (&["key", "Key"], "(`key`, `Key`)"),
    ] {
        let error = of(header, None, CsvHeader::Auto).expect_err("either may be meant");
        assert!(error.contains(told), "{error}");
        let (layout, _) = of(header, Some("key=2"), CsvHeader::Auto).expect("told which");
        assert_eq!(layout.key, 1);
    }
}

#[test]
fn one_field_that_holds_names_is_refused() {
    for (line, told) in [
        ("time key size", "--delimiter ' '"),
        ("Timestamp   obj_id", "--delimiter ' '"),
        ("time;key;size", "--delimiter ';'"),
        ("time|key", "--delimiter '|'"),
        ("time\tkey", "--delimiter tab"),
        ("url,size", "--delimiter ,"),
    ] {
        for columns in [None, Some("key=1")] {
            let error = of(&[line], columns, CsvHeader::Auto).expect_err("no header of one name");
            assert!(error.contains(told), "{error}");
        }
        let (layout, is_header) = of(&[line], None, CsvHeader::No).expect("a key after all");
        assert_eq!((layout.key, is_header), (0, false));
    }
    for key in ["a key", "time to go", "key", "x;y"] {
        assert!(of(&[key], None, CsvHeader::Auto).is_ok(), "{key}");
    }
}

#[test]
fn columns_taken_are_told_by_names_that_can_be_given_again() {
    for (first, columns, expected) in [
        (
            &["ts", "Obj-ID", "size"][..],
            None,
            "time=ts,key=Obj-ID,size=size",
        ),
        (&["1", "a", "5"], Some("time=1,key=2"), "time=1,key=2"),
        (
            &["what", "what", "4"],
            Some("key=2,next=what"),
            "key=2,next=what",
        ),
        (
            &["a,b", "n=1", "size"],
            Some("key=1,time=2,size=3"),
            "time=2,key=1,size=size",
        ),
        (&["a"], None, "key=1"),
    ] {
        let (layout, is_header) = of(first, columns, CsvHeader::Auto).expect("a layout");
        let names: Vec<&[u8]> = first.iter().map(|name| name.as_bytes()).collect();
        let told = layout.columns(is_header.then_some(&names)).to_string();
        assert_eq!(told, expected);
        assert!(of(first, Some(&told), CsvHeader::Auto).is_ok());
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
