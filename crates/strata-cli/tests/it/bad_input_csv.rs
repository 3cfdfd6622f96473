//! Bad CSV traces: each is refused with the file's name, the line and the byte.

use strata_cli::trace::{self, CsvOptions, OpenOptions, Place, TraceError};
use tempfile::TempDir;

use crate::bad_input_trace::{assert_tells, read};
use crate::traces::written;

#[test]
fn bad_csv_is_told_with_its_line_and_byte() {
    let folder = TempDir::new().unwrap();
    for (good, bad, told) in [
        (
            "time,key,size\n1,a,10\n",
            "x,b,10\n",
            "line 3: the time `x`",
        ),
        ("time,key,size\n1,a,10\n", "-1,b,10\n", "the time `-1`"),
        ("time,key,size\n1,a,10\n", "1.x,b,10\n", "the time `1.x`"),
        (
            "time,key,size\n1,a,10\n",
            "1700000000000,b,10\n",
            "--time-unit ms",
        ),
        ("time,key,size\n1,a,10\n", ",b,10\n", "the time ``"),
        (
            "time,key,size\n1,a,10\n",
            "2,b,4294967296\n",
            "the size `4294967296`",
        ),
        ("time,key,size\n1,a,10\n", "2,b,\n", "the size ``"),
        ("time,key,size\n1,a,10\n", "2, ,3\n", "the key is empty"),
        (
            "time,key,size\n1,a,10\n",
            "2,b\n",
            "2 fields where the first record has 3",
        ),
        (
            "time,key,size\n1,a,10\n",
            "2,b,c,3\n",
            "is a separator not quoted?",
        ),
        (
            "key,next\n\n\na,2\n",
            "a,x\n",
            "line 5: the next position `x`",
        ),
        ("key,next\na,2\n", "a,-2\n", "the next position `-2`"),
        ("key,size\n\"a\nb\",1\n", "c,d\n", "line 4: the size `d`"),
    ] {
        let path = written(&folder, "a.csv", format!("{good}{bad}").as_bytes());
        let (got, error) = read(&path);
        let error = error.unwrap_or_else(|| panic!("{bad:?} was taken"));
        assert_eq!(got.len(), 1, "{bad:?}");
        assert_tells(&error, &path);
        assert!(error.to_string().contains(told), "{error}");
        assert!(
            matches!(error, TraceError::Corrupt { at: Place::File(offset), .. } if offset == good.len() as u64),
            "{bad:?}: {error}"
        );
    }
}

#[test]
fn a_csv_field_that_is_never_closed_is_told() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "a.csv", b"key,size\na,1\n\"b,2\nc,3\n");
    let (got, error) = read(&path);
    let error = error.unwrap();
    assert_eq!(got.len(), 1);
    assert_tells(&error, &path);
    assert!(
        error.to_string().contains("truncated at byte 22"),
        "{error}"
    );
    assert!(
        error.to_string().contains("line 3 is not closed"),
        "{error}"
    );
    // In a long trace, the rest of it would be one field.
    let text = format!("key,size\na,1\n\"b,2\n{}", "c,3\n".repeat(1 << 20));
    let path = written(&folder, "b.csv", text.as_bytes());
    let error = read(&path).1.unwrap();
    assert_tells(&error, &path);
    assert!(error.to_string().contains("refused at byte 13"), "{error}");
    assert!(
        error.to_string().contains("is a quote not closed?"),
        "{error}"
    );
}

#[test]
fn a_csv_record_of_many_bytes_or_fields_is_refused() {
    let folder = TempDir::new().unwrap();
    for (name, bad, told) in [
        (
            "wide.csv",
            format!("1{}\n", ",".repeat(2000)),
            "more than 1024 fields",
        ),
        (
            "long.csv",
            format!("{},1\n", "x".repeat(70_000)),
            "longer than 64 KiB",
        ),
        (
            "quotes.csv",
            format!("{},1\n", "\"".repeat(140_000)),
            "longer than 64 KiB",
        ),
    ] {
        let path = written(&folder, name, format!("key,size\na,1\n{bad}").as_bytes());
        let (got, error) = read(&path);
        let error = error.unwrap();
        assert_eq!(got.len(), 1);
        assert_tells(&error, &path);
        assert!(
            matches!(
                error,
                TraceError::Refused {
                    at: Place::File(13),
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn a_csv_trace_without_a_column_of_keys_says_how_to_name_one() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "a.csv", b"1,2,3\n4,5,6\n");
    let error = trace::open(&path).unwrap_err();
    assert_tells(&error, &path);
    assert!(matches!(error, TraceError::Columns { .. }), "{error}");
    assert!(
        error.to_string().contains("--columns time=1,key=2,size=3"),
        "{error}"
    );
}

#[test]
fn a_header_that_is_not_understood_is_refused_rather_than_read_as_a_key() {
    let folder = TempDir::new().unwrap();
    for (text, told) in [
        (
            "time key size\n1 a 10\n2 b 10\n",
            "`time key size`) is one field that holds names of columns: separate them by --delimiter ' '",
        ),
        (
            "ts,id,url,size\n1,1,a,10\n",
            "2 columns that may be the key (`id`, `url`)",
        ),
    ] {
        let path = written(&folder, "a.csv", text.as_bytes());
        let error = trace::open(&path).unwrap_err();
        assert_tells(&error, &path);
        assert!(matches!(error, TraceError::Columns { .. }), "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
    let path = written(&folder, "a.csv", b"time;key;size\n1;a;10\n");
    let options = CsvOptions {
        delimiter: Some(",".parse().unwrap()),
        ..CsvOptions::default()
    };
    let error = OpenOptions::new().csv(options).open(&path).unwrap_err();
    assert!(error.to_string().contains("--delimiter ';'"), "{error}");
    assert_eq!(trace::open(&path).unwrap().count(), 1);
}
