//! A mutator that knows the outline of DER. Changing octets at random mostly breaks a length, and
//! what does not even begin to be read finds nothing; here the lengths follow the change.

use libfuzzer_sys::fuzzer_mutate;

use crate::der::{self, BIT_STRING, OCTET_STRING};

/// Deeper values are left as they are.
const MAX_DEPTH: usize = 24;

/// OIDs, times, numbers and the like that random octets do not hit on, header included.
const TELLING: [&[u8]; 34] = [
    b"\x06\x03\x55\x1d\x0e",
    b"\x06\x03\x55\x1d\x0f",
    b"\x06\x03\x55\x1d\x11",
    b"\x06\x03\x55\x1d\x13",
    b"\x06\x03\x55\x1d\x14",
    b"\x06\x03\x55\x1d\x15",
    b"\x06\x03\x55\x1d\x18",
    b"\x06\x03\x55\x1d\x1b",
    b"\x06\x03\x55\x1d\x1c",
    b"\x06\x03\x55\x1d\x1d",
    b"\x06\x03\x55\x1d\x1e",
    b"\x06\x03\x55\x1d\x1f",
    b"\x06\x03\x55\x1d\x20",
    b"\x06\x04\x55\x1d\x20\x00",
    b"\x06\x03\x55\x1d\x21",
    b"\x06\x03\x55\x1d\x23",
    b"\x06\x03\x55\x1d\x24",
    b"\x06\x03\x55\x1d\x25",
    b"\x06\x03\x55\x1d\x2e",
    b"\x06\x03\x55\x1d\x36",
    b"\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x01",
    b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09",
    b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x02",
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01",
    b"\x06\x03\x55\x04\x03",
    b"\x02\x01\x00",
    b"\x02\x01\xff",
    b"\x01\x01\xff",
    b"\x17\x0d500101000000Z",
    b"\x18\x0f20500101000000Z",
    b"\x18\x0f99991231235959Z",
    b"\x82\x0da.example.com",
    b"\x30\x00",
    b"\x05\x00",
];

/// Changes one input in place and answers its new length: the DER after the first `head` octets, by
/// one to four changes of its values; now and then, and when it is no DER, any octet.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, head: usize) -> usize {
    let mut dice = Dice::new(seed);
    let head = head.min(size);
    if dice.below(4) > 0
        && let Some(changed) = changed(&data[head..size], &mut dice)
        && head + changed.len() <= max_size
    {
        data[head..head + changed.len()].copy_from_slice(&changed);
        if head > 0 && dice.below(4) == 0 {
            data[dice.below(head)] = dice.octet();
        }
        return head + changed.len();
    }
    fuzzer_mutate(data, size, max_size)
}

fn changed(der: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut trees = trees(der, 0).filter(|trees| !trees.is_empty())?;
    for _ in 0..=dice.below(4) {
        change(&mut trees, dice);
    }
    Some(trees.iter().flat_map(Tree::to_der).collect())
}

#[derive(Clone)]
struct Tree {
    tag: u8,
    /// The octets before the values inside: that of unused bits.
    prefix: Vec<u8>,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Octets(Vec<u8>),
    Values(Vec<Tree>),
}

fn trees(der: &[u8], depth: usize) -> Option<Vec<Tree>> {
    Some(der::values(der)?.into_iter().map(|value| Tree::new(value, depth)).collect())
}

impl Tree {
    fn new(value: der::Value<'_>, depth: usize) -> Self {
        let (prefix, inside) = match (value.tag, value.contents) {
            (BIT_STRING, [0, inside @ ..]) => (vec![0], Some(inside)),
            (OCTET_STRING, inside) => (Vec::new(), Some(inside)),
            (tag, inside) => (Vec::new(), (tag & 0x20 > 0).then_some(inside)),
        };
        let inside = inside.filter(|inside| depth < MAX_DEPTH && !inside.is_empty());
        match inside.and_then(|inside| trees(inside, depth + 1)) {
            Some(values) => Self { tag: value.tag, prefix, body: Body::Values(values) },
            None => Self { tag: value.tag, prefix: Vec::new(), body: Body::Octets(value.contents.to_vec()) },
        }
    }

    fn to_der(&self) -> Vec<u8> {
        match &self.body {
            Body::Octets(octets) => der::value(self.tag, &[&self.prefix, octets]),
            Body::Values(values) => {
                let inside: Vec<u8> = values.iter().flat_map(Self::to_der).collect();
                der::value(self.tag, &[&self.prefix, &inside])
            }
        }
    }

    fn telling(dice: &mut Dice) -> Self {
        // Invariant: the index is below the length.
        let (value, _) = der::first(TELLING[dice.below(TELLING.len())]).expect("each is one value");
        Self::new(value, MAX_DEPTH)
    }
}

/// Changes one list of values, chosen among all of them.
fn change(trees: &mut Vec<Tree>, dice: &mut Dice) {
    let foreign = any(trees, dice).cloned();
    let list = any_list(trees, dice);
    if list.is_empty() {
        list.extend(foreign);
        return;
    }
    let at = dice.below(list.len());
    match dice.below(12) {
        0 => drop(list.remove(at)),
        1 => list.insert(at, list[at].clone()),
        2 => {
            let other = dice.below(list.len());
            list.swap(at, other);
        }
        3 => list[at] = foreign.unwrap_or_else(|| Tree::telling(dice)),
        4 => list.insert(at, foreign.unwrap_or_else(|| Tree::telling(dice))),
        5 => list[at] = Tree::telling(dice),
        6 => {
            let repeated = list[at].clone();
            list.extend(std::iter::repeat_n(repeated, 1 << dice.below(6)));
        }
        7 => list[at].tag = dice.octet() & 0xbf | (list[at].tag & 0x20),
        8 => list[at].tag = 0x80 | list[at].tag & 0x20 | dice.octet() & 0x0f,
        _ => change_octets(&mut list[at], dice),
    }
}

fn change_octets(tree: &mut Tree, dice: &mut Dice) {
    match &mut tree.body {
        Body::Octets(octets) => {
            let size = octets.len();
            let limit = size + 16;
            octets.resize(limit, 0);
            let changed = fuzzer_mutate(octets, size, limit);
            octets.truncate(changed);
        }
        Body::Values(values) => {
            if !values.is_empty() {
                let at = dice.below(values.len());
                change_octets(&mut values[at], dice);
            }
        }
    }
}

/// Any value at any depth.
fn any<'a>(trees: &'a [Tree], dice: &mut Dice) -> Option<&'a Tree> {
    if trees.is_empty() {
        return None;
    }
    let tree = &trees[dice.below(trees.len())];
    match &tree.body {
        Body::Values(values) if !values.is_empty() && dice.below(4) > 0 => any(values, dice),
        Body::Values(_) | Body::Octets(_) => Some(tree),
    }
}

/// Any list of values at any depth.
fn any_list<'a>(trees: &'a mut Vec<Tree>, dice: &mut Dice) -> &'a mut Vec<Tree> {
    let inner = (0..trees.len()).filter(|index| matches!(trees[*index].body, Body::Values(_)));
    let inner: Vec<usize> = inner.collect();
    if inner.is_empty() || dice.below(5) == 0 {
        return trees;
    }
    match &mut trees[inner[dice.below(inner.len())]].body {
        Body::Values(values) => any_list(values, dice),
        Body::Octets(_) => unreachable!("only lists were chosen"),
    }
}

/// Numbers that follow from the seed, so that a mutation can be repeated (xorshift).
struct Dice(u64);

impl Dice {
    fn new(seed: u32) -> Self {
        Self(u64::from(seed) << 1 | 1)
    }

    fn octet(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_be_bytes()[3]
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        let number = [self.octet(), self.octet(), self.octet(), self.octet()];
        usize::try_from(u32::from_be_bytes(number)).unwrap_or_default() % bound
    }
}
