//! Readers: every format, plain and compressed, against what was written.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use strata_cli::trace::{self, Compression, Format, OpenOptions, Request, TraceError};
use tempfile::TempDir;

use crate::shared;

pub(crate) fn oracle_general(requests: &[Request]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in requests {
        bytes.extend(request.time.to_le_bytes());
        bytes.extend(request.key.to_le_bytes());
        bytes.extend(request.size.to_le_bytes());
        bytes.extend(request.next.map_or(-1, u64::cast_signed).to_le_bytes());
    }
    bytes
}

/// Requests for the keys in turn, 1 byte each, with times and next positions.
pub(crate) fn requests_of(keys: &[u64]) -> Vec<Request> {
    let mut later = HashMap::new();
    let mut requests: Vec<Request> = keys
        .iter()
        .enumerate()
        .rev()
        .map(|(index, &key)| Request {
            time: index as u32 / 10,
            key,
            size: 1,
            next: later.insert(key, index as u64 + 1),
        })
        .collect();
    requests.reverse();
    requests
}

pub(crate) fn request(time: u32, key: u64, size: u32, next: Option<u64>) -> Request {
    Request {
        time,
        key,
        size,
        next,
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn read(path: &Path) -> Vec<Request> {
    trace::open(path).unwrap().map(Result::unwrap).collect()
}

fn keys(path: &Path) -> Vec<u64> {
    read(path).iter().map(|request| request.key).collect()
}

/// A few thousand keys, some of them again and again: more bytes than any buffer on the way holds.
fn some_keys() -> Vec<u64> {
    (0..20_000_u64)
        .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> if i % 3 == 0 { 56 } else { 1 })
        .collect()
}

#[test]
fn oracle_general_reads_what_was_written_however_compressed_and_named() {
    let folder = TempDir::new().unwrap();
    let requests = requests_of(&some_keys());
    let bytes = oracle_general(&requests);
    for (name, content, compression) in [
        ("plain.oracleGeneral", bytes.clone(), Compression::None),
        ("a.oracleGeneral.gz", gzip(&bytes), Compression::Gzip),
        ("b.oracleGeneral.zst", zstd(&bytes), Compression::Zstd),
        (
            "the-name-lies.oracleGeneral.gz",
            zstd(&bytes),
            Compression::Zstd,
        ),
        ("c.oracleGeneral.xz", xz(&bytes), Compression::Xz),
        ("no-suffix", gzip(&bytes), Compression::Gzip),
        ("nothing.bin", bytes.clone(), Compression::None),
    ] {
        let path = written(&folder, name, &content);
        let reader = trace::open(&path).unwrap();
        assert_eq!(
            (reader.format(), reader.compression()),
            (Format::OracleGeneral, compression),
            "{name}"
        );
        assert_eq!(reader.file_size(), Some(content.len() as u64));
        assert_eq!(read(&path), requests, "{name}");
    }
}

#[test]
fn blocks_hold_the_same_requests_as_the_iterator() {
    let folder = TempDir::new().unwrap();
    let requests = requests_of(&some_keys());
    let text: String = requests
        .iter()
        .map(|request| format!("{}\n", request.key))
        .collect();
    let runs = "5 3 0 0\n100 1000 0 1\n7 1 0 2\n".repeat(20);
    for path in [
        written(
            &folder,
            "a.oracleGeneral.zst",
            &zstd(&oracle_general(&requests)),
        ),
        written(&folder, "b.lirs.gz", &gzip(text.as_bytes())),
        written(&folder, "c.lis", runs.as_bytes()),
        written(&folder, "d.keys.xz", &xz(text.as_bytes())),
        written(&folder, "e.csv", format!("key\n{text}").as_bytes()),
    ] {
        let all = read(&path);
        for count in [1, 7, 1000, 100_000] {
            let mut reader = trace::open(&path).unwrap();
            let mut blocks = Vec::new();
            loop {
                let before = blocks.len();
                let got = reader.read_block(count, &mut blocks).unwrap();
                assert!(got <= count);
                assert_eq!(blocks.len(), before + got);
                if got == 0 {
                    break;
                }
            }
            assert_eq!(blocks, all);
            assert_eq!(reader.requests(), all.len() as u64);
            assert_eq!(reader.bytes_read(), reader.file_size().unwrap());
            assert_eq!(
                reader.read_block(count, &mut blocks).unwrap(),
                0,
                "the end stays the end"
            );
        }
    }
}

#[test]
fn several_members_and_frames_are_one_trace() {
    let folder = TempDir::new().unwrap();
    let requests = requests_of(&some_keys());
    let bytes = oracle_general(&requests);
    // Not at a record's end.
    let (first, second) = bytes.split_at(1_001);
    for (name, content) in [
        ("a.gz", [gzip(first), gzip(second)]),
        ("a.zst", [zstd(first), zstd(second)]),
        ("a.xz", [xz(first), xz(second)]),
    ] {
        assert_eq!(
            read(&written(&folder, name, &content.concat())),
            requests,
            "{name}"
        );
    }
    // Zeros between streams and at the end are padding in xz.
    let padded = [&xz(first)[..], &[0; 8], &xz(second), &[0; 4]].concat();
    assert_eq!(read(&written(&folder, "c.xz", &padded)), requests);
    // A skippable frame in front, as pzstd and seekable zstd write.
    let skippable = [
        &[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4][..],
        &zstd(&bytes),
    ]
    .concat();
    assert_eq!(read(&written(&folder, "b.zst", &skippable)), requests);
}

#[test]
fn arc_lines_stand_for_runs_of_blocks() {
    let folder = TempDir::new().unwrap();
    let path = written(
        &folder,
        "a.lis",
        b"10 3 0 0\n\n18446744073709551615 1 50 1\r\n  7\t2 0 2\n3 0 0 3\n9 1 0 4",
    );
    assert_eq!(keys(&path), [10, 11, 12, u64::MAX, 7, 8, 9]);
    assert!(
        read(&path)
            .iter()
            .all(|request| (request.time, request.size, request.next) == (0, 1, None))
    );
}

#[test]
fn lirs_lines_are_keys_and_marks_are_skipped() {
    let folder = TempDir::new().unwrap();
    let path = written(
        &folder,
        "a.trace",
        b"*\n2819\n85\n\n*\n 560 \r\n0\n18446744073709551615",
    );
    assert_eq!(trace::open(&path).unwrap().format(), Format::Lirs);
    assert_eq!(keys(&path), [2819, 85, 560, 0, u64::MAX]);
}

#[test]
fn plain_keys_are_numbers_or_any_text() {
    let folder = TempDir::new().unwrap();
    let path = written(
        &folder,
        "a.keys",
        "85\n\nhttp://a/?b=1,2\n 85 \r\n085\n*\nä".as_bytes(),
    );
    let text = |text: &str| trace::key_of(text.as_bytes());
    let expected = [
        85,
        text("http://a/?b=1,2"),
        85,
        text("085"),
        text("*"),
        text("ä"),
    ];
    assert_eq!(keys(&path), expected);
    let distinct: std::collections::HashSet<u64> = expected.into_iter().collect();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn a_name_that_promises_nothing_leaves_it_to_the_content() {
    let folder = TempDir::new().unwrap();
    for (content, format) in [
        (b"1 2 0 0\n".to_vec(), Format::Arc),
        (b"*\n12\n".to_vec(), Format::Lirs),
        (b"12".to_vec(), Format::Lirs),
        (b"time,object id,size\n1,a,10\n".to_vec(), Format::Csv),
        (b"\"key\";\"size\"\n".to_vec(), Format::Csv),
        (
            oracle_general(&requests_of(&[1, 2, 1])),
            Format::OracleGeneral,
        ),
        (
            oracle_general(&requests_of(&some_keys())),
            Format::OracleGeneral,
        ),
    ] {
        for (name, content) in [
            ("x.txt", content.clone()),
            ("y", zstd(&content)),
            ("z.dat.gz", gzip(&content)),
            ("z.dat.xz", xz(&content)),
        ] {
            assert_eq!(
                trace::open(written(&folder, name, &content))
                    .unwrap()
                    .format(),
                format
            );
        }
    }
}

#[test]
fn a_format_that_is_given_overrules_the_name() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "keys.lis", b"4\n5\n");
    let reader = OpenOptions::new().format(Format::Lirs).open(&path).unwrap();
    assert_eq!(
        reader
            .map(|request| request.unwrap().key)
            .collect::<Vec<_>>(),
        [4, 5]
    );
    assert!(matches!(
        trace::open(&path).unwrap().next(),
        Some(Err(TraceError::Corrupt { .. }))
    ));
}

#[test]
fn markers_for_no_next_request_are_all_none() {
    let folder = TempDir::new().unwrap();
    let mut bytes = oracle_general(&requests_of(&[1, 2, 3, 4]));
    for (record, next) in [(0, -1), (1, -2), (2, i64::MAX), (3, 9)] {
        bytes[record * 24 + 16..][..8].copy_from_slice(&next.to_le_bytes());
    }
    let nexts: Vec<_> = read(&written(&folder, "a.oracleGeneral", &bytes))
        .iter()
        .map(|r| r.next)
        .collect();
    assert_eq!(nexts, [None, None, None, Some(9)]);
}

/// Renames keys in order of their first request, which makes two traces equal that differ by a renaming only.
fn by_first_request(path: &Path) -> Vec<u32> {
    let mut names = HashMap::new();
    trace::open(path)
        .unwrap()
        .map(|request| {
            let fresh = names.len() as u32;
            *names.entry(request.unwrap().key).or_insert(fresh)
        })
        .collect()
}

#[test]
fn original_forms_hold_the_same_requests_as_oracle_general() {
    let Some(folder) = shared::traces() else {
        return;
    };
    for (original, format, converted) in [
        ("P3.lis.zst", Format::Arc, "P3.oracleGeneral.zst"),
        ("OLTP.lis.zst", Format::Arc, "OLTP.oracleGeneral.zst"),
        (
            "2_pools.trace.gz",
            Format::Lirs,
            "lirs_2_pools.oracleGeneral.zst",
        ),
    ] {
        let (original, converted) = (folder.join(original), folder.join(converted));
        assert_eq!(trace::open(&original).unwrap().format(), format);
        let (ours, theirs) = (by_first_request(&original), by_first_request(&converted));
        assert_eq!(ours.len(), theirs.len(), "{}", original.display());
        let differing = ours
            .iter()
            .zip(&theirs)
            .position(|(our, their)| our != their);
        assert_eq!(differing, None, "{}", original.display());
    }
}

#[test]
fn next_positions_of_the_shared_traces_are_true() {
    let Some(folder) = shared::traces() else {
        return;
    };
    let requests = read(&folder.join("cpIO.oracleGeneral.zst"));
    assert_eq!(requests.len(), 113_872);
    let mut expected = HashMap::new();
    for (index, request) in requests.iter().enumerate() {
        let position = index as u64 + 1;
        if let Some(promised) = expected.remove(&request.key) {
            assert_eq!(promised, position);
        }
        if let Some(next) = request.next {
            expected.insert(request.key, next);
        }
    }
    assert!(expected.is_empty(), "every promised request comes");
}
