//! `strata trace convert`: round trips, next positions, pipes.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;
use strata_cli::trace::{
    self, Columns, Compression, Encoder, Format, OpenOptions, Request, Writer,
};
use tempfile::TempDir;

use crate::command::{Run, strata_fed, strata_in};
use crate::shared;
use crate::traces::{oracle_general, request, requests_of, written, zstd};

const FORMATS: [Format; 5] = [
    Format::OracleGeneral,
    Format::Arc,
    Format::Lirs,
    Format::Csv,
    Format::Keys,
];

const COMPRESSIONS: [Compression; 4] = [
    Compression::None,
    Compression::Gzip,
    Compression::Zstd,
    Compression::Xz,
];

pub(crate) fn read(path: &Path) -> Vec<Request> {
    trace::open(path).unwrap().map(Result::unwrap).collect()
}

pub(crate) fn keys_of(requests: &[Request]) -> Vec<u64> {
    requests.iter().map(|request| request.key).collect()
}

pub(crate) fn convert(folder: &TempDir, arguments: &[&str]) -> Run {
    strata_in(folder.path(), ["trace", "convert"].iter().chain(arguments))
}

pub(crate) fn assert_passed(run: &Run) {
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
}

/// Runs `strata trace` with `input` on its standard input.
fn piped(arguments: &[&str], input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let output = strata_fed([&["trace"], arguments].concat(), &[input]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), output.stdout, stderr)
}

fn any_request() -> impl Strategy<Value = Request> {
    let key = prop_oneof![0_u64..20, any::<u64>(), Just(u64::MAX)];
    let next = prop_oneof![Just(None), (1_u64..i64::MAX as u64).prop_map(Some)];
    (any::<u32>(), key, any::<u32>(), next).prop_map(|(time, key, size, next)| Request {
        time,
        key,
        size,
        next,
    })
}

fn any_columns() -> impl Strategy<Value = Columns> {
    any::<[bool; 3]>().prop_map(|[time, size, next]| Columns { time, size, next })
}

/// A request as far as the columns hold it.
fn held(request: &Request, columns: Columns) -> Request {
    Request {
        time: if columns.time { request.time } else { 0 },
        key: request.key,
        size: if columns.size { request.size } else { 1 },
        next: request.next.filter(|_| columns.next),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        requests in prop::collection::vec(any_request(), 1..60),
        columns in any_columns(),
    ) {
        for format in FORMATS {
            for compression in COMPRESSIONS {
                let encoder = Encoder::new(Vec::new(), compression).unwrap();
                let mut writer = Writer::new(encoder, format, columns).unwrap();
                for request in &requests {
                    writer.write(request).unwrap();
                }
                let file = writer.finish().unwrap().finish().unwrap();
                let reader = OpenOptions::new().format(format).read("memory", Box::new(Cursor::new(file)));
                let reader = reader.unwrap();
                let columns = if format == Format::Csv { columns } else { format.columns() };
                prop_assert_eq!((reader.compression(), reader.columns()), (compression, columns));
                let read: Vec<Request> = reader.map(Result::unwrap).collect();
                let expected: Vec<Request> = requests.iter().map(|request| held(request, columns)).collect();
                prop_assert_eq!(read, expected, "{} {}", format, compression);
            }
        }
    }

    #[test]
    fn next_positions_are_those_of_the_next_request(keys in prop::collection::vec(0_u64..50, 0..400)) {
        let expected = requests_of(&keys);
        let mut blank = expected.clone();
        blank.iter_mut().for_each(|request| request.next = Some(7));
        let mut file = Cursor::new(oracle_general(&blank));
        trace::fill_next(&mut file, keys.len() as u64, |_| ()).unwrap();
        prop_assert_eq!(file.into_inner(), oracle_general(&expected));
    }
}

#[test]
fn next_positions_span_blocks() {
    // More records than are in memory at a time, three blocks and a bit.
    let keys: Vec<u64> = (0..100_001_u64)
        .map(|index| index * index % 40_009)
        .collect();
    let expected = requests_of(&keys);
    let mut blank = expected.clone();
    blank.iter_mut().for_each(|request| request.next = None);
    let mut file = Cursor::new(oracle_general(&blank));
    let told = std::cell::Cell::new(0);
    trace::fill_next(&mut file, keys.len() as u64, |done| told.set(done)).unwrap();
    assert_eq!(told.get(), 100_001);
    assert_eq!(file.into_inner(), oracle_general(&expected));
}

#[test]
fn every_format_and_compression_leads_to_every_other() {
    let folder = TempDir::new().unwrap();
    let keys: Vec<u64> = (0..3000_u64).map(|index| index * index % 701 / 2).collect();
    let requests = requests_of(&keys);
    written(&folder, "first.oracleGeneral", &oracle_general(&requests));
    let mut before = "first.oracleGeneral".to_owned();
    let suffixes = [
        "lis.gz",
        "lirs.xz",
        "csv.zst",
        "keys",
        "oracleGeneral.xz",
        "csv",
        "arc",
        "keys.gz",
        "lirs",
        "oracleGeneral.zst",
    ];
    for (step, suffix) in suffixes.into_iter().enumerate() {
        let name = format!("{step}.{suffix}");
        let run = convert(&folder, &[&before, &name]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(
            run.stdout.starts_with(&format!("{name}: 3000 requests, ")),
            "{run:?}"
        );
        let reader = trace::open(folder.path().join(&name)).unwrap();
        assert_eq!(Some(reader.format()), Format::of_name(name.as_ref()));
        assert_eq!(reader.compression(), Compression::of_name(name.as_ref()));
        assert_eq!(keys_of(&read(&folder.path().join(&name))), keys, "{name}");
        before = name;
    }
    // Times are gone, next positions are back.
    let last = read(&folder.path().join(before));
    let expected: Vec<Request> = requests
        .iter()
        .map(|request| Request {
            time: 0,
            ..*request
        })
        .collect();
    assert_eq!(last, expected);
}

#[test]
fn what_a_format_cannot_hold_is_told() {
    let folder = TempDir::new().unwrap();
    let full = [request(5, 1, 10, Some(2)), request(6, 1, 10, None)];
    written(&folder, "full.oracleGeneral", &oracle_general(&full));
    written(&folder, "bare.csv", b"time,key,size\n0,1,1\n0,2,1\n");
    let run = convert(&folder, &["full.oracleGeneral", "a.lis"]);
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.starts_with("note: "), "{run:?}");
    assert!(
        run.stderr.contains("dropped: times, sizes, next positions"),
        "{run:?}"
    );
    assert_passed(&convert(&folder, &["full.oracleGeneral", "a.csv"]));
    assert_eq!(
        fs::read(folder.path().join("a.csv")).unwrap(),
        b"time,key,size,next\n5,1,10,2\n6,1,10,-1\n"
    );
    assert_passed(&convert(&folder, &["bare.csv", "b.keys"]));
}

#[test]
fn pipes_are_read_and_written() {
    let keys: Vec<u64> = (0..50_000_u64).map(|index| index * 7919 % 3001).collect();
    let requests = requests_of(&keys);
    let input = zstd(&oracle_general(&requests));
    let (code, output, stderr) = piped(&["convert", "-", "-", "--to", "csv"], &input);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let (code, output, stderr) = piped(&["convert", "-", "-", "--to", "oracleGeneral"], &output);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(output, oracle_general(&requests));
    let (code, output, stderr) = piped(&["info", "-"], b"what is this");
    assert_eq!((code, output.as_slice()), (Some(1), &b""[..]));
    assert!(
        stderr.starts_with("error: standard input: unknown trace format"),
        "{stderr}"
    );
}

#[test]
fn converted_block_traces_are_the_shared_ones() {
    let Some(traces) = shared::traces() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    for (original, converted) in [
        ("OLTP.lis.zst", "OLTP.oracleGeneral.zst"),
        ("P3.lis.zst", "P3.oracleGeneral.zst"),
    ] {
        let original = traces.join(original);
        let original = original.to_str().unwrap();
        assert_passed(&convert(
            &folder,
            &[original, "ours.oracleGeneral", "--force"],
        ));
        let theirs = trace::open(traces.join(converted))
            .unwrap()
            .map(Result::unwrap);
        let ours = trace::open(folder.path().join("ours.oracleGeneral"))
            .unwrap()
            .map(Result::unwrap);
        let mut count = 0;
        for (ours, theirs) in ours.zip(theirs) {
            count += 1;
            assert_eq!(
                (ours.key, ours.next),
                (theirs.key, theirs.next),
                "request {count} of {converted}"
            );
        }
        assert!(count > 900_000, "{converted}: {count}");
    }
}

#[test]
fn a_trace_converted_to_its_own_format_is_the_same_to_the_byte() {
    let Some(traces) = shared::traces() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    for name in ["cpIO.oracleGeneral.zst", "lirs_sprite.oracleGeneral.zst"] {
        let packed = fs::read(traces.join(name)).unwrap();
        let plain = zstd_decoded(&packed);
        let input = written(&folder, "in.oracleGeneral", &plain);
        assert_passed(&convert(
            &folder,
            &[input.to_str().unwrap(), "out.oracleGeneral", "--force"],
        ));
        let output = fs::read(folder.path().join("out.oracleGeneral")).unwrap();
        assert!(output == plain, "{name}");
    }
}

fn zstd_decoded(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap()
}
