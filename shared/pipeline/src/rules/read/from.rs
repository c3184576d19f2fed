//! `from`, and the keys that depend on its kind: keys without meaning for this kind, and the partition keys of Firehose.

use globset::{GlobBuilder, GlobMatcher};

use super::reader::{Keys, Members, Reader};
use crate::{
    decode::Path,
    rules::from::{From, S3From, is_access_point},
    yaml::{Data, Location, Node},
};

const FROM_FORM: &str = "write one of `from: { key: \"source/app/**\" }` (with `bucket: NAME` where it matters, and `owner` for a bucket of \
                         another account), `{ stream: NAME }`, `{ topic: NAME }` and `{ delivery_stream: NAME }`";
pub(super) const FROM_KEYS: Keys<'_> = Keys {
    of: "`from`",
    known: &["bucket", "key", "exclude", "owner", "stream", "topic", "delivery_stream"],
    later: &[],
};
const EXCLUDE_FORM: &str = "write `exclude: [\"**/_SUCCESS\", \"source/tmp/**\"]`, globs of keys that are left out";
const OWNER_FORM: &str = "write `owner: \"111122223333\"`, the 12 digits of the account that owns the bucket";
const BUCKET_FORM: &str = "give the bucket's name, also if the objects are read through an access point: notifications name the bucket, and \
                           ids are made from its name";
const KEPT_BY_S3: &str = "the life cycle rules of the bucket delete what Firehose delivers";
const NO_INDEX: &str = "Firehose makes no index";
const DELIVERY_STREAM_FORM: &str =
    "a dataset with `delivery_stream` takes `name`, `from`, `format`, `select`, `fields`, `partition_keys` and `tests`";
const PARTITION_KEYS_FORM: &str = "write `partition_keys: { customer: adid, country: geo.country }`, names and fields";
/// AWS documents no limit. This is our limit: the characters that can be written in a prefix and in jq.
const PARTITION_KEY_FORM: &str =
    "the name of a key is 1 to 64 of a-z, A-Z, 0-9, `_` and `-`, with a letter or `_` first";
/// Maximum number of characters in Firehose's `Prefix`
/// (<https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html>).
const PREFIX_CHARS: usize = 1024;

/// The kind of source of a `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Stream,
    Topic,
    DeliveryStream,
}

impl Kind {
    fn of_key(key: &str) -> Option<Self> {
        match key {
            "bucket" | "key" | "exclude" | "owner" => Some(Self::S3),
            "stream" => Some(Self::Stream),
            "topic" => Some(Self::Topic),
            "delivery_stream" => Some(Self::DeliveryStream),
            _ => None,
        }
    }

    /// The kind of a `from`, before its content is checked. `None` if the keys do not agree on one kind.
    pub(super) fn of(from: &Node) -> Option<Self> {
        let Data::Map(entries) = &from.data else { return None };
        let mut kinds = entries.iter().filter_map(|(key, _)| Self::of_key(&key.text));
        let first = kinds.next()?;
        kinds.all(|kind| kind == first).then_some(first)
    }
}

/// The content of a `from`.
pub(super) enum Taken {
    Events(From),
    DeliveryStream(GlobMatcher),
}

impl Reader<'_> {
    pub(super) fn from(&mut self, node: &Node) -> Option<Taken> {
        let members = self.map(node, &FROM_KEYS, FROM_FORM)?;
        let Some((first, kind)) = members.entries.iter().find_map(|(key, _)| Some((*key, Kind::of_key(&key.text)?)))
        else {
            let form = "`from` without a `key`, `stream`, `topic` or `delivery_stream`";
            // A mistyped key has its own complaint. A second complaint about the missing key would not help.
            return if has_members(node) { None } else { self.refuse(node.place, format!("{form}; {FROM_FORM}")) };
        };
        let second = members.entries.iter().find(|(key, _)| Kind::of_key(&key.text) != Some(kind));
        if let Some((key, _)) = second {
            let message = format!("`{}` beside `{}`: a `from` has exactly one kind; {FROM_FORM}", key.text, first.text);
            return self.refuse(key.place, message);
        }
        if kind != Kind::S3 {
            let (key, value) = members.entries.first()?;
            let name = self.stream_name(value, &key.text)?;
            return Some(match kind {
                Kind::Stream => Taken::Events(From::Stream(name)),
                Kind::Topic => Taken::Events(From::Topic(name)),
                _ => Taken::DeliveryStream(name),
            });
        }
        let bucket = match members.get("bucket") {
            Some((_, node)) => self.bucket_glob(node),
            None => self.compile(node.place, "bucket", "*"),
        };
        let key = match members.get("key") {
            Some((_, node)) => self.key_glob(node),
            None => self.refuse(node.place, format!("`from` without a `key`; {FROM_FORM}")),
        };
        let exclude = match members.get("exclude") {
            Some((_, node)) => self.excluded(node),
            None => Some(Vec::new()),
        };
        let owner = match members.get("owner") {
            Some((_, node)) => self.owner(node).map(Some),
            None => Some(None),
        };
        Some(Taken::Events(From::S3(S3From { bucket: bucket?, key: key?, exclude: exclude?, owner: owner? })))
    }

    /// The id of an account.
    fn owner(&mut self, node: &Node) -> Option<String> {
        let owner = &self.text(node, "owner", OWNER_FORM)?.value;
        if owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(owner.clone());
        }
        self.refuse(node.place, format!("`owner: {owner}` is not the id of an account; {OWNER_FORM}"))
    }

    fn bucket_glob(&mut self, node: &Node) -> Option<GlobMatcher> {
        let glob = &self.text(node, "bucket", FROM_FORM)?.value;
        if is_access_point(glob) {
            return self.refuse(node.place, format!("`bucket: {glob}` is an access point; {BUCKET_FORM}"));
        }
        self.glob(node, "bucket")
    }

    /// A list of globs.
    fn excluded(&mut self, node: &Node) -> Option<Vec<GlobMatcher>> {
        let Data::List(globs) = &node.data else { return self.refuse(node.place, EXCLUDE_FORM) };
        if globs.is_empty() {
            return self.refuse(node.place, format!("`exclude` is empty; {EXCLUDE_FORM}"));
        }
        let globs: Vec<_> = globs.iter().map(|node| self.glob(node, "exclude")).collect();
        globs.into_iter().collect()
    }

    /// Complains about keys that have no meaning for data of this kind.
    pub(super) fn refuse_misplaced(&mut self, members: &Members<'_>, kind: Option<Kind>) {
        let Some(kind) = kind else { return };
        if kind == Kind::DeliveryStream {
            for (name, reason) in [
                ("index", "Firehose decides where the data go"),
                ("timestamp", "Firehose partitions by arrival, or by `partition_keys`"),
                ("id", "Firehose makes no documents"),
                ("on_conflict", NO_INDEX),
                ("retention", KEPT_BY_S3),
                ("keep_at_least", KEPT_BY_S3),
                ("snapshot", KEPT_BY_S3),
                ("mapping", NO_INDEX),
                ("shards", NO_INDEX),
                ("replicas", NO_INDEX),
                ("total_fields_limit", NO_INDEX),
                ("template", NO_INDEX),
            ] {
                if let Some((key, _)) = members.get(name) {
                    let message = format!("`{name}` beside `delivery_stream`: {reason}; {DELIVERY_STREAM_FORM}");
                    self.complain(key.place, message);
                }
            }
        } else if let Some((key, _)) = members.get("partition_keys") {
            self.complain(
                key.place,
                "`partition_keys` without `delivery_stream`: they are the keys of Firehose's dynamic partitioning; \
                 events for the domain are divided by `index`, such as `index: logs-%{app}-%{+YYYY.MM.dd}`",
            );
        }
    }

    pub(super) fn partition_keys(&mut self, node: &Node) -> Option<Vec<(String, Path)>> {
        let entries = self.entries(node, "partition_keys", PARTITION_KEYS_FORM);
        let before = self.complaints.len();
        let mut keys: Vec<(String, Path)> = Vec::new();
        for (key, value) in &entries {
            let name = key.text.as_str();
            let path = self.path(value, name, PARTITION_KEYS_FORM);
            if is_partition_key(name) {
                keys.extend(path.map(|path| (name.to_owned(), path)));
            } else {
                self.complain(key.place, format!("`{name}` in `partition_keys`: {PARTITION_KEY_FORM}"));
            }
        }
        let prefix: usize = entries.iter().map(|(name, _)| "!{partitionKeyFromLambda:}".len() + name.text.len()).sum();
        if prefix > PREFIX_CHARS {
            return self.refuse(
                node.place,
                format!(
                    "{} `partition_keys` need {prefix} characters as `!{{partitionKeyFromLambda:NAME}}`; \
                     Firehose's `Prefix` takes {PREFIX_CHARS}",
                    entries.len()
                ),
            );
        }
        (self.complaints.len() == before).then_some(keys)
    }

    /// The glob of a stream's, topic's or delivery stream's name.
    fn stream_name(&mut self, node: &Node, name: &str) -> Option<GlobMatcher> {
        let glob = &self.text(node, name, FROM_FORM)?.value;
        if glob.contains([':', '/']) {
            return self.refuse(
                node.place,
                format!("`{name}: {glob}`: a name has neither `:` nor `/`: give the name alone, not its ARN or path"),
            );
        }
        self.glob(node, name)
    }

    fn key_glob(&mut self, node: &Node) -> Option<GlobMatcher> {
        let glob = &self.text(node, "key", FROM_FORM)?.value;
        if glob.starts_with('/') || glob.starts_with("s3://") {
            return self
                .refuse(node.place, format!("`key: {glob}`: a key begins neither with `/` nor `s3://`; {FROM_FORM}"));
        }
        self.glob(node, "key")
    }

    fn glob(&mut self, node: &Node, name: &str) -> Option<GlobMatcher> {
        let glob = self.text(node, name, FROM_FORM)?.value.clone();
        if glob.is_empty() {
            return self.refuse(node.place, format!("`{name}` is empty; {FROM_FORM}"));
        }
        self.compile(node.place, name, &glob)
    }

    fn compile(&mut self, place: Location, name: &str, glob: &str) -> Option<GlobMatcher> {
        match GlobBuilder::new(glob).literal_separator(true).build() {
            Ok(glob) => Some(glob.compile_matcher()),
            Err(error) => self.refuse(
                place,
                format!("`{name}: {glob}`: {}; a glob takes `*`, `?`, `**`, `[a-z]` and `{{a,b}}`", error.kind()),
            ),
        }
    }
}

fn has_members(node: &Node) -> bool {
    matches!(&node.data, Data::Map(entries) if !entries.is_empty())
}

fn is_partition_key(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
