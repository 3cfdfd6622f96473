//! CSV traces: layouts as they are met in the field.

use std::path::Path;

use strata_cli::trace::{self, Columns, CsvHeader, CsvOptions, OpenOptions, Request, TimeUnit};
use tempfile::TempDir;

use crate::command::strata_in;
use crate::traces::{written, xz};

fn request(time: u32, key: &str, size: u32, next: Option<u64>) -> Request {
    let key = trace::key_of(key.as_bytes());
    Request {
        time,
        key,
        size,
        next,
    }
}

fn read(path: &Path, options: CsvOptions) -> Vec<Request> {
    let reader = OpenOptions::new().csv(options).open(path).unwrap();
    reader.map(Result::unwrap).collect()
}

fn columns(text: &str) -> CsvOptions {
    CsvOptions {
        columns: Some(text.parse().unwrap()),
        ..CsvOptions::default()
    }
}

#[test]
fn layouts_are_told_by_header_or_columns() {
    let folder = TempDir::new().unwrap();
    let two = [request(1, "a", 10, None), request(2, "b", 20, None)];
    for (text, options) in [
        ("time,key,size\n1,a,10\n2,b,20\n", CsvOptions::default()),
        (
            "Size;Object-ID;Timestamp\n10;a;1\n20;b;2\n",
            CsvOptions::default(),
        ),
        (
            "timestamp\tobj_id\tobj_size\n1\ta\t10\n2\tb\t20",
            CsvOptions::default(),
        ),
        (
            "\u{feff}time,key,size\r\n\r\n1,\"a\",10\r\n2, b ,\"20\"\r\n",
            CsvOptions::default(),
        ),
        ("1,a,10\n2,b,20\n", columns("time=1,key=2,size=3")),
        (
            "when,what,much\n1,a,10\n2,b,20\n",
            columns("time=1,key=2,size=3"),
        ),
        (
            "when,what,much\n1,a,10\n2,b,20\n",
            columns("size=much,key=what,time=when"),
        ),
        (
            "10 x a 1\n20 y b 2\n",
            CsvOptions {
                delimiter: Some(" ".parse().unwrap()),
                ..columns("time=4,key=3,size=1")
            },
        ),
        ("1.9,a,10\n2.000,b,20\n", columns("time=1,key=2,size=3")),
        (
            "1999,a,10\n2000,b,20\n",
            CsvOptions {
                time_unit: TimeUnit::Milliseconds,
                ..columns("time=1,key=2,size=3")
            },
        ),
        (
            "1999999999,a,10\n2000000000.5,b,20\n",
            CsvOptions {
                time_unit: TimeUnit::Nanoseconds,
                ..columns("time=1,key=2,size=3")
            },
        ),
    ] {
        let path = written(&folder, "a.csv", text.as_bytes());
        assert_eq!(read(&path, options), two, "{text:?}");
    }
}

#[test]
fn what_no_column_holds_is_left_at_its_default() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "a.csv", b"key\n5\nkey\n");
    assert_eq!(
        read(&path, CsvOptions::default()),
        [request(0, "5", 1, None), request(0, "key", 1, None)]
    );
    assert_eq!(trace::open(&path).unwrap().columns(), Columns::default());
    // One column needs no header.
    let path = written(&folder, "b.csv", b"a\nb\n");
    assert_eq!(
        read(&path, CsvOptions::default()),
        [request(0, "a", 1, None), request(0, "b", 1, None)]
    );
    // A name that is a key after all.
    let options = CsvOptions {
        header: CsvHeader::No,
        ..CsvOptions::default()
    };
    let path = written(&folder, "c.csv", b"key\nb\n");
    assert_eq!(
        read(&path, options),
        [request(0, "key", 1, None), request(0, "b", 1, None)]
    );
    // A header that only the user knows as one.
    let options = CsvOptions {
        header: CsvHeader::Yes,
        ..columns("key=1")
    };
    let path = written(&folder, "d.csv", b"what,x\nb,y\n");
    assert_eq!(read(&path, options), [request(0, "b", 1, None)]);
}

#[test]
fn quotes_hide_separators_quotes_and_line_ends() {
    let folder = TempDir::new().unwrap();
    let text = "key,size,next\n\"a,b\",1,3\n\"say \"\"hi\"\"\nthere\",2,-1\n\"a,b\",1,\n";
    let path = written(&folder, "a.csv.xz", &xz(text.as_bytes()));
    let expected = [
        request(0, "a,b", 1, Some(3)),
        request(0, "say \"hi\"\nthere", 2, None),
        request(0, "a,b", 1, None),
    ];
    assert_eq!(read(&path, CsvOptions::default()), expected);
}

#[test]
fn records_longer_than_any_buffer_on_the_way_are_whole() {
    let folder = TempDir::new().unwrap();
    let key = |index: u32| format!("{index}-{}", "k".repeat(40_000));
    let text: String = (0..20)
        .map(|index| format!("{},{index}\n", key(index)))
        .collect();
    let path = written(&folder, "a.csv", format!("key,size\n{text}").as_bytes());
    let expected: Vec<Request> = (0..20)
        .map(|index| request(0, &key(index), index, None))
        .collect();
    assert_eq!(read(&path, CsvOptions::default()), expected);
}

#[test]
fn the_command_line_says_what_a_trace_does_not() {
    let folder = TempDir::new().unwrap();
    // The layout of the Twitter traces: time, key, size of key, size of value, client, operation, TTL.
    written(
        &folder,
        "cluster",
        b"0,nz:u:a,4,300,12,get,0\n0,nz:u:b,4,500,12,get,0\n1,nz:u:a,4,300,7,get,0\n",
    );
    let layout = ["--columns", "time=1,key=2,size=4"];
    let run = strata_in(
        folder.path(),
        [
            &["trace", "head", "cluster", "--format", "csv"][..],
            &layout,
        ]
        .concat(),
    );
    let key = |text: &str| trace::key_of(text.as_bytes());
    let (a, b) = (key("nz:u:a"), key("nz:u:b"));
    assert_eq!(
        run.stdout,
        format!("time,key,size\n0,{a},300\n0,{b},500\n1,{a},300\n"),
        "{run:?}"
    );
    let run = strata_in(
        folder.path(),
        [
            &[
                "simulate",
                "cluster",
                "--policies",
                "lru",
                "--sizes",
                "2",
                "--format",
                "csv",
            ][..],
            &layout,
        ]
        .concat(),
    );
    assert!(
        run.stdout.contains("cluster,2,lru,3,2,"),
        "every command reads it: {run:?}"
    );
    for (arguments, told) in [
        (&["--columns", "time=1"][..], "no column holds the key"),
        (&["--columns", "2"], "does not say which column holds what"),
        (
            &["--columns", "key=1", "--delimiter", "::"],
            "cannot separate fields",
        ),
        (
            &["--columns", "key=1", "--header", "maybe"],
            "invalid value 'maybe'",
        ),
        (
            &["--columns", "key=1", "--time-unit", "h"],
            "invalid value 'h'",
        ),
    ] {
        let run = strata_in(
            folder.path(),
            [&["trace", "info", "cluster"], arguments].concat(),
        );
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(told), "{run:?}");
    }
}
