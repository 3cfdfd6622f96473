//! Where a trace is written to: a file that appears whole or not at all, standard output, or a device.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::outcome::UsageError;
use crate::progress::Progress;
use crate::trace::{Columns, Compression, Encoder, Format, OneLine, Request, Writer, fill_next};
use crate::units::Bytes;
use crate::whole_file::{beside, keep};

/// Where to write a trace, and how: arguments of `convert` and `generate`.
#[derive(Clone, Debug, clap::Args)]
pub struct OutputArgs {
    /// The file to write, or - for standard output.
    ///
    /// Its name tells the format (.oracleGeneral, .lis or .arc, .lirs, .csv, .keys) and the compression (.gz, .zst, .xz) behind
    /// it, as in web.oracleGeneral.zst. It appears when it is whole.
    #[arg(value_name = "OUT")]
    pub output: PathBuf,

    /// Format to write [default: told by the file's name]
    #[arg(long, value_name = "FORMAT", ignore_case = true)]
    pub to: Option<Format>,

    /// Replace the file if it exists.
    #[arg(long)]
    pub force: bool,
}

/// Requests, given out in blocks: appends some, and says how many; 0 at the end.
pub(super) type Feed<'a> = dyn FnMut(&mut Vec<Request>) -> anyhow::Result<usize> + 'a;

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) requests: u64,
    /// What requests said that the format has no room for.
    pub(super) lost: Columns,
}

/// A destination that was looked at, and can be written to as far as that shows.
#[derive(Debug)]
pub(super) struct Output {
    /// As it was named.
    name: PathBuf,
    target: Target,
    format: Format,
    compression: Compression,
}

#[derive(Debug)]
enum Target {
    Stdout,
    /// What is neither a file nor a directory is written to as it is: it cannot be replaced.
    Device(PathBuf),
    File {
        path: PathBuf,
        replace: bool,
    },
}

impl Output {
    /// Looks at the arguments and at what is there.
    pub(super) fn new(args: &OutputArgs) -> anyhow::Result<Self> {
        let target = target(&args.output, args.force)?;
        let shown = OneLine(&args.output);
        let format = args.to.or_else(|| Format::of_name(&args.output));
        let format = format.ok_or_else(|| {
            UsageError::new(format!(
                "{shown}: the name does not tell a format: end it in .oracleGeneral, .lis, .lirs, .csv or .keys (and .gz, .zst or .xz), \
                 or name one with --to"
            ))
        })?;
        let name = args.output.to_string_lossy().to_ascii_lowercase();
        if format == Format::Csv && args.to.is_none() && !name.contains(".csv") {
            let message =
                format!("{shown}: fields are written with commas between them: name it .csv");
            return Err(UsageError::new(message).into());
        }
        let compression = match &target {
            Target::Stdout => Compression::None,
            Target::Device(_) | Target::File { .. } => Compression::of_name(&args.output),
        };
        Ok(Self {
            name: args.output.clone(),
            target,
            format,
            compression,
        })
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self.target, Target::Stdout)
    }

    /// One line that says what was written where.
    pub(super) fn describe(&self, written: &Written) -> String {
        let size = fs::metadata(&self.name).ok().filter(fs::Metadata::is_file);
        let size = size.map_or(String::new(), |file| {
            format!(", {}", Bytes::new(file.len()))
        });
        let compression = match self.compression {
            Compression::None => String::new(),
            compression => format!(", {compression}"),
        };
        let (path, requests) = (OneLine(&self.name), written.requests);
        format!(
            "{path}: {requests} requests, {}{compression}{size}",
            self.format
        )
    }

    /// Writes all requests. Standard output is `out`; `columns` is what requests hold. A file appears, or is replaced, only
    /// once all of it is written.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        columns: Columns,
        feed: &mut Feed<'_>,
    ) -> anyhow::Result<Written> {
        if self.format == Format::OracleGeneral {
            return self.write_oracle_general(out, columns, feed);
        }
        let mut written = None;
        self.fill(out, |sink| {
            written = Some(self.write_requests(sink, columns, feed)?);
            Ok(())
        })?;
        Ok(written.expect("filled"))
    }

    /// Next positions are known at the end only: the trace is written to a temporary file, its next positions are filled in,
    /// and then it is compressed, or is already what it should be.
    fn write_oracle_general(
        &self,
        out: &mut dyn Write,
        columns: Columns,
        feed: &mut Feed<'_>,
    ) -> anyhow::Result<Written> {
        let mut spool = self.temporary()?;
        let path = spool.path().to_owned();
        let failed = || format!("{}: cannot work on the temporary file", OneLine(&path));
        let mut buffered = BufWriter::new(spool.as_file_mut());
        let written = self.write_requests(&mut buffered, columns, feed)?;
        buffered.flush().with_context(failed)?;
        drop(buffered);
        let progress = Progress::requests("finding next requests", Some(written.requests));
        fill_next(spool.as_file_mut(), written.requests, |done| {
            progress.at(done)
        })
        .with_context(failed)?;
        drop(progress);
        if let (Target::File { path, replace }, Compression::None) =
            (&self.target, self.compression)
        {
            keep(spool, path, *replace)?;
            return Ok(written);
        }
        let file = spool.as_file_mut();
        file.rewind().with_context(failed)?;
        let size = file.metadata().map(|metadata| metadata.len()).ok();
        self.fill(out, |sink| {
            let progress = Progress::bytes("writing", size);
            let mut read = progress.reading(file);
            io::copy(&mut read, sink)
                .map(|_| ())
                .or_else(|error| self.failed(error))
        })?;
        Ok(written)
    }

    fn write_requests(
        &self,
        sink: &mut dyn Write,
        columns: Columns,
        feed: &mut Feed<'_>,
    ) -> anyhow::Result<Written> {
        let mut writer =
            Writer::new(sink, self.format, columns).or_else(|error| self.failed(error))?;
        let room = self.format.columns();
        let mut written = Written {
            requests: 0,
            lost: Columns::default(),
        };
        let mut block = Vec::new();
        while feed(&mut block)? > 0 {
            for request in block.drain(..) {
                written.requests += 1;
                written.lost.time |= !room.time && request.time != 0;
                written.lost.size |= !room.size && request.size != 1;
                written.lost.next |= !room.next && request.next.is_some();
                writer.write(&request).or_else(|error| self.failed(error))?;
            }
        }
        writer.finish().or_else(|error| self.failed(error))?;
        Ok(written)
    }

    /// Has `fill` write the content, compresses it on its way, and puts it in its place.
    fn fill(
        &self,
        out: &mut dyn Write,
        fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match &self.target {
            Target::Stdout => {
                fill(out)?;
                Ok(out.flush()?)
            }
            Target::Device(path) => {
                let file = File::options().write(true).open(path);
                self.encode(file.or_else(|error| self.failed(error))?, fill)
            }
            Target::File { path, replace } => {
                let mut file = self.temporary()?;
                self.encode(file.as_file_mut(), fill)?;
                Ok(keep(file, path, *replace)?)
            }
        }
    }

    fn encode(
        &self,
        target: impl Write,
        fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let encoder = Encoder::new(BufWriter::new(target), self.compression)
            .or_else(|error| self.failed(error))?;
        // Encoders take blocks gladly, and requests come in a few bytes.
        let mut buffered = BufWriter::with_capacity(1 << 16, encoder);
        fill(&mut buffered)?;
        let encoder = buffered
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let finished = encoder.and_then(Encoder::finish).map(|_| ());
        finished.or_else(|error| self.failed(error))
    }

    /// A temporary file beside the one to be written, or where the system keeps such files.
    fn temporary(&self) -> anyhow::Result<NamedTempFile> {
        let Target::File { path, .. } = &self.target else {
            let folder = std::env::temp_dir();
            return NamedTempFile::new_in(&folder)
                .with_context(|| format!("{}: cannot make a temporary file", OneLine(&folder)));
        };
        Ok(beside(path)?)
    }

    /// The error of a write, with the name of where it went: standard output names itself.
    fn failed<T>(&self, error: io::Error) -> anyhow::Result<T> {
        let error = anyhow::Error::from(error);
        Err(match &self.target {
            Target::Stdout => error,
            Target::Device(path) | Target::File { path, .. } => {
                error.context(format!("{}: cannot write", OneLine(path)))
            }
        })
    }
}

/// What a path names, and whether it may be written.
fn target(path: &Path, force: bool) -> anyhow::Result<Target> {
    if path == "-" {
        return Ok(Target::Stdout);
    }
    let shown = OneLine(path);
    // A link is followed: what it names is replaced, not the link.
    let Ok(metadata) = fs::metadata(path) else {
        if fs::symlink_metadata(path).is_ok() {
            let message = format!("{shown}: a link to nothing: remove it, or name another file");
            return Err(UsageError::new(message).into());
        }
        return Ok(Target::File {
            path: path.to_owned(),
            replace: false,
        });
    };
    if metadata.is_dir() {
        let message = format!("{shown}: a directory: name a file in it");
        return Err(UsageError::new(message).into());
    }
    if !metadata.is_file() {
        return Ok(Target::Device(path.to_owned()));
    }
    if !force {
        let message = format!("{shown}: exists: add --force to replace it, or name another file");
        return Err(UsageError::new(message).into());
    }
    let path =
        fs::canonicalize(path).with_context(|| format!("{shown}: cannot follow the link"))?;
    Ok(Target::File {
        path,
        replace: true,
    })
}
