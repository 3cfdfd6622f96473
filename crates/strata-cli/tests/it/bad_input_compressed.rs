//! Bad compressed traces: cut, corrupt, followed by garbage, or made to take more memory or time than they are worth.

use strata_cli::trace::{self, OpenOptions, Place, TraceError};
use tempfile::TempDir;

use crate::bad_input_trace::{assert_tells, read, some_requests};
use crate::traces::{gzip, oracle_general, written, xz, zstd};

#[test]
fn a_record_cut_inside_of_a_compressed_stream_is_told_with_the_decompressed_byte() {
    let folder = TempDir::new().unwrap();
    let bytes = oracle_general(&some_requests());
    for compressed in [gzip(&bytes[..100]), zstd(&bytes[..100]), xz(&bytes[..100])] {
        let path = written(&folder, "cut.oracleGeneral.any", &compressed);
        let (got, error) = read(&path);
        let error = error.unwrap();
        assert_eq!(got.len(), 4);
        assert_tells(&error, &path);
        assert!(
            error
                .to_string()
                .contains("truncated at byte 100 of the decompressed stream"),
            "{error}"
        );
    }
}

#[test]
fn a_compressed_stream_cut_at_any_byte_is_an_error() {
    let folder = TempDir::new().unwrap();
    let requests = some_requests();
    let bytes = oracle_general(&requests);
    for compressed in [gzip(&bytes), zstd(&bytes), xz(&bytes)] {
        for end in 0..compressed.len() {
            let path = written(&folder, "cut.oracleGeneral.any", &compressed[..end]);
            let (got, error) = read(&path);
            let error =
                error.unwrap_or_else(|| panic!("cut at {end} of {} bytes", compressed.len()));
            assert!(requests.starts_with(&got), "what was given out is right");
            assert_tells(&error, &path);
            match error {
                TraceError::Empty { .. } => assert_eq!(end, 0),
                // Too short for a magic number: it reads as a plain record that is cut off.
                TraceError::Truncated { at, .. } => assert_eq!(at, Place::File(end as u64)),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn any_flipped_bit_of_a_checked_stream_is_an_error() {
    let folder = TempDir::new().unwrap();
    let requests = &some_requests()[..40];
    let bytes = oracle_general(requests);
    for (compressed, header_size) in [(gzip(&bytes), 10), (zstd(&bytes), 4), (xz(&bytes), 6)] {
        for index in header_size..compressed.len() {
            for bit in 0..8 {
                let mut flipped = compressed.clone();
                flipped[index] ^= 1 << bit;
                let path = written(&folder, "flipped.oracleGeneral.any", &flipped);
                match read(&path) {
                    (_, Some(error)) => assert_tells(&error, &path),
                    // Some bits mean nothing (reserved ones, a window size that is large enough either way).
                    (got, None) => assert_eq!(got, requests, "bit {bit} of byte {index}"),
                }
            }
        }
    }
}

#[test]
fn garbage_after_a_compressed_stream_is_an_error() {
    let folder = TempDir::new().unwrap();
    let requests = some_requests();
    let bytes = oracle_general(&requests);
    for compressed in [gzip(&bytes), zstd(&bytes), xz(&bytes)] {
        let path = written(
            &folder,
            "a.oracleGeneral.any",
            &[&compressed[..], b"garbage, 16 byte"].concat(),
        );
        let (got, error) = read(&path);
        assert_eq!(got, requests);
        let error = error.unwrap();
        assert_tells(&error, &path);
        assert!(
            matches!(
                error,
                TraceError::Corrupt {
                    at: Place::File(_),
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_few_bytes_after_gzip_data_are_no_member_that_is_cut() {
    let folder = TempDir::new().unwrap();
    let requests = some_requests();
    let member = gzip(&oracle_general(&requests));
    for garbage in [
        &b"g"[..],
        b"\n",
        b"\0\0\0",
        b"\x1f\x00",
        b"garbage, 16 byte",
    ] {
        let path = written(&folder, "a.oracleGeneral.gz", &[&member, garbage].concat());
        let (got, error) = read(&path);
        assert_eq!(got, requests);
        let error = error.unwrap();
        assert_tells(&error, &path);
        assert!(matches!(error, TraceError::Corrupt { .. }), "{error}");
        assert!(
            error
                .to_string()
                .ends_with("bytes after the gzip data that are no further member"),
            "{error}"
        );
    }
    let path = written(
        &folder,
        "a.oracleGeneral.gz",
        &[&member, &member, &member[..]].concat(),
    );
    assert_eq!(read(&path).0, requests.repeat(3));
    for size in 1..member.len() {
        let cut = [&member, &member[..size]].concat();
        let path = written(&folder, "a.oracleGeneral.gz", &cut);
        let (got, error) = read(&path);
        assert!(got.starts_with(&requests));
        let error = error.unwrap();
        assert!(
            matches!(error, TraceError::Truncated { at: Place::File(end), .. } if end == cut.len() as u64),
            "{size}: {error}"
        );
    }
}

#[test]
fn a_decompression_bomb_is_refused_unless_allowed() {
    let folder = TempDir::new().unwrap();
    // 80 MiB of one key: far beyond 200 times the file.
    let text = "5\n".repeat(40 << 20);
    for (name, compressed) in [
        ("bomb.lirs.zst", zstd(text.as_bytes())),
        ("bomb.lirs.gz", gzip(text.as_bytes())),
        ("bomb.lirs.xz", xz(text.as_bytes())),
    ] {
        let path = written(&folder, name, &compressed);
        let mut reader = trace::open(&path).unwrap();
        let error = reader.find_map(Result::err).expect("a bomb is refused");
        assert_tells(&error, &path);
        assert!(matches!(error, TraceError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("--expansion-max"), "{error}");
        assert!(
            reader.requests() <= 32 << 20,
            "not much past the first 64 MiB"
        );
    }
    let reader = OpenOptions::new()
        .expansion_max(1_000_000)
        .open(folder.path().join("bomb.lirs.zst"))
        .unwrap();
    assert_eq!(
        reader.map(|request| request.unwrap().key).sum::<u64>(),
        5 * (40 << 20)
    );
}

#[test]
fn a_zstd_frame_that_wants_a_large_window_is_refused() {
    let folder = TempDir::new().unwrap();
    // Magic, a frame header without content size, a window of 2^28 bytes ((28 - 10) << 3), one last raw block of 2 bytes.
    let frame = [
        &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 0x11, 0, 0][..],
        b"5\n",
    ]
    .concat();
    let path = written(&folder, "wide.lirs.zst", &frame);
    let (_, error) = read(&path);
    let error = error.unwrap();
    assert!(
        error
            .to_string()
            .contains("wants a window of more than 128 MiB"),
        "{error}"
    );
    let mut allowed = frame;
    allowed[5] = 17 << 3;
    let (got, error) = read(&written(&folder, "wide.lirs.zst", &allowed));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got.len(), 1);
}

#[test]
fn xz_blocks_of_a_few_bytes_are_refused() {
    let folder = TempDir::new().unwrap();
    for (blocks, taken) in [(200, true), (2000, false)] {
        let path = written(&folder, "tiny.lirs.xz", &xz(b"5\n").repeat(blocks));
        let (got, error) = read(&path);
        if taken {
            assert!(error.is_none(), "{error:?}");
            assert_eq!(got.len(), blocks);
            continue;
        }
        let error = error.unwrap();
        assert_tells(&error, &path);
        assert!(matches!(error, TraceError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("compress it again"), "{error}");
    }
    // Compressed by halves, which is what the bound is not for.
    let text: String = (0..200_000_u64).map(|i| format!("{}\n", i * i)).collect();
    let (first, second) = text.split_at(text.len() / 2);
    let halves = [xz(first.as_bytes()), xz(second.as_bytes())].concat();
    let (got, error) = read(&written(&folder, "halves.lirs.xz", &halves));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got.len(), 200_000);
}

#[test]
fn an_xz_block_that_wants_a_large_dictionary_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut file = xz(b"5\n");
    // The block's header: size 2 (12 bytes), flags 0, filter LZMA2 (0x21), 1 byte of properties, which is the dictionary, padding, CRC.
    assert_eq!(file[12..16], [2, 0, 0x21, 1]);
    for (dictionary, taken) in [(30, true), (31, false), (40, false)] {
        file[16] = dictionary;
        let mut crc = flate2::Crc::new();
        crc.update(&file[12..20]);
        file[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        let (got, error) = read(&written(&folder, "wide.lirs.xz", &file));
        if taken {
            // 128 MiB.
            assert!(error.is_none(), "{error:?}");
            assert_eq!(got.len(), 1);
            continue;
        }
        let error = error.unwrap();
        assert!(
            error
                .to_string()
                .contains("the xz block wants a dictionary of more than 128 MiB"),
            "{error}"
        );
    }
}
