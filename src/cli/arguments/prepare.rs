//! `runner data prepare`: a verb for each published corpus, read off the list of them, and those for anybody's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand, value_parser};

use crate::corpora::{CorpusOption, LINK, OptionKind, Published, RECIPES, Split};

// Comments that are no help are no doc comments here.
#[derive(Debug)]
pub enum PrepareVerb {
    // A published corpus.
    Published(PublishedArguments),
    // A corpus of one's own.
    Own(OwnVerb),
}

impl Subcommand for PrepareVerb {
    fn augment_subcommands(command: Command) -> Command {
        OwnVerb::augment_subcommands(command.subcommands(RECIPES.iter().map(verb)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        RECIPES.iter().any(|corpus| corpus.name == name) || OwnVerb::has_subcommand(name)
    }
}

impl FromArgMatches for PrepareVerb {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        if let Some((name, options)) = matches.subcommand()
            && let Some(corpus) = RECIPES.iter().find(|corpus| corpus.name == name)
        {
            return PublishedArguments::of(corpus, options).map(Self::Published);
        }
        OwnVerb::from_arg_matches(matches).map(Self::Own)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A published corpus' verb: where from and where to, as for all, then its own options.
fn verb(corpus: &Published) -> Command {
    // The help comes last: `Places` brings its own.
    let command = Places::augment_args(Command::new(corpus.name)).args(corpus.options.iter().map(option));
    command.about(corpus.help)
}

fn option(option: &CorpusOption) -> Arg {
    let arg = Arg::new(option.name).long(option.name).help(option.help);
    match option.kind {
        OptionKind::Switch => arg.action(ArgAction::SetTrue),
        OptionKind::Path(value_name) => arg.value_name(value_name).value_parser(value_parser!(PathBuf)),
    }
}

/// What is wanted of a published corpus.
#[derive(Debug)]
pub struct PublishedArguments {
    pub corpus: &'static Published,
    pub places: Places,
    // Its options that take a path, where given.
    pub paths: BTreeMap<&'static str, PathBuf>,
    // Its switches, where given.
    pub switches: BTreeSet<&'static str>,
}

impl PublishedArguments {
    fn of(corpus: &'static Published, matches: &ArgMatches) -> Result<Self, clap::Error> {
        let places = Places::from_arg_matches(matches)?;
        let (mut paths, mut switches) = (BTreeMap::new(), BTreeSet::new());
        for CorpusOption { name, kind, .. } in corpus.options {
            match kind {
                OptionKind::Switch if matches.get_flag(name) => _ = switches.insert(*name),
                OptionKind::Switch => {}
                OptionKind::Path(_) => {
                    paths.extend(matches.get_one::<PathBuf>(name).map(|path| (*name, path.clone())));
                }
            }
        }
        Ok(Self { corpus, places, paths, switches })
    }
}

#[derive(Debug, Subcommand)]
pub enum OwnVerb {
    /// A folder of audio and a table of transcripts (columns path, text, optionally labels and split). SOURCE is the table: CSV, TSV or
    /// `|`-separated.
    Table {
        #[command(flatten)]
        places: Places,
        /// Folder that the table's paths are relative to.
        #[arg(long, value_name = "DIR", default_value = ".")]
        audio: PathBuf,
        /// Sampling rate of the prepared audio.
        #[arg(long, value_name = "HZ", default_value_t = 16_000)]
        rate_hz: u32,
        /// Keep the transcripts' capitals.
        #[arg(long)]
        keep_case: bool,
        #[command(flatten)]
        keep: Keep,
    },
    /// A Hugging Face data set on disk: saved, cached, or parquet shards (in builds with the feature `datasets`). SOURCE is its folder;
    /// paths in its rows are relative to it, or to the working directory.
    Dataset(DatasetArguments),
}

#[derive(Debug, Args)]
pub struct DatasetArguments {
    #[command(flatten)]
    pub places: Places,
    /// Column of the audio: encoded bytes, or a path.
    #[arg(long, value_name = "COLUMN")]
    pub audio: String,
    /// Column of the transcripts.
    #[arg(long, value_name = "COLUMN", required_unless_present = "text_constant")]
    pub text: Option<String>,
    /// The same transcript for every utterance, where only labels matter.
    #[arg(long, value_name = "TEXT", conflicts_with = "text")]
    pub text_constant: Option<String>,
    /// Columns of the labels, one per classifier head.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub label: Vec<String>,
    /// Column whose last three path components name the utterances; the audio's own path where not given.
    #[arg(long, value_name = "COLUMN")]
    pub name: Option<String>,
    /// Splits to take and what they become: `train=train,valid.clean=dev`; without it, all with a name that says it.
    #[arg(long, value_name = "SPLIT=NAME", value_delimiter = ',', value_parser = split_becomes)]
    pub split: Vec<(String, Split)>,
    /// Sampling rate of the prepared audio.
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    pub rate_hz: u32,
    /// Keep the transcripts' capitals.
    #[arg(long)]
    pub keep_case: bool,
}

/// `NAME=train`, `NAME=dev` or `NAME=test`.
fn split_becomes(text: &str) -> Result<(String, Split), String> {
    let (name, split) = text.split_once('=').ok_or("write `SPLIT=NAME`, such as `validation=dev`")?;
    Ok((name.to_owned(), split.parse()?))
}

/// From where to where.
#[derive(Debug, Args)]
pub struct Places {
    /// What to prepare.
    #[arg(long, value_name = "SOURCE")]
    pub from: PathBuf,
    /// Folder to make. Where an earlier start was stopped, it goes on.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Threads that decode and write [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
}

/// What becomes of recordings that can be used as they are.
#[derive(Debug, Args)]
pub struct Keep {
    #[arg(long, help = LINK.help)]
    pub link: bool,
}
