//! Reads the structure of a pickle and runs nothing in it.
//!
//! A pickle is a program for a stack machine. Building lists and dictionaries is carried out; what would call something is written down as
//! a [`Node::Call`] instead, so a hostile file can be odd but not active. Nodes live in one arena: neither cycles nor deep nesting can
//! exhaust the stack. Not for: tensors, which `mod.rs` makes of the calls.

use std::collections::HashMap;

/// A node's place in the arena.
pub type Id = usize;

/// What a pickle says.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// `module name`, never looked up.
    Global(String),
    /// A reference to something outside the pickle.
    Persistent(Id),
    /// A call that was not made, and what its result would have been given as its state.
    Call {
        function: Id,
        arguments: Id,
        state: Option<Id>,
    },
}

/// A pickle as nodes.
#[derive(Debug)]
pub struct Pickle {
    nodes: Vec<Node>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle of protocol 2 to 5.
    ///
    /// # Errors
    /// What is wrong, as a fragment of a sentence.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        Self::parse_first(bytes).map(|(pickle, _)| pickle)
    }

    /// Reads the pickle that `bytes` begin with, and says how long it is.
    ///
    /// # Errors
    /// What is wrong, as a fragment of a sentence.
    pub fn parse_first(bytes: &[u8]) -> Result<(Self, usize), String> {
        let mut machine = Machine {
            bytes,
            at: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        let root = machine.run()?;
        Ok((Self { nodes: machine.nodes, root }, machine.at))
    }

    /// The whole.
    pub fn root(&self) -> Id {
        self.root
    }

    /// A node.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// The text, if it is one.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes, if they are some.
    pub fn bytes(&self, id: Id) -> Option<&[u8]> {
        match self.node(id) {
            Node::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Every class and function that is named, `module name`, whether it would have been called or not.
    pub fn globals(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Global(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The whole number, if it is one and not negative.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.node(id) {
            Node::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Yes or no, if it is one of them.
    pub fn truth(&self, id: Id) -> Option<bool> {
        match self.node(id) {
            Node::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Whether it is the class or function `name`.
    pub fn is_global(&self, id: Id, name: &str) -> bool {
        matches!(self.node(id), Node::Global(global) if global == name)
    }

    /// The class or function, `module name`, that would have made this value.
    pub fn class(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Call { function, .. } => match self.node(*function) {
                Node::Global(name) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// What an object would have been given as its state.
    pub fn state(&self, id: Id) -> Option<Id> {
        match self.node(id) {
            Node::Call { state, .. } => *state,
            _ => None,
        }
    }

    /// Class and key of the storage that is referred to.
    pub fn storage(&self, id: Id) -> Option<(&str, &str)> {
        let Node::Persistent(described) = self.node(id) else { return None };
        let [_, class, key, ..] = self.items(*described)? else { return None };
        match self.node(*class) {
            Node::Global(class) => Some((class, self.text(*key)?)),
            _ => None,
        }
    }

    /// Class and key of every storage that is referred to.
    pub fn storages(&self) -> impl Iterator<Item = (&str, &str)> {
        (0..self.nodes.len()).filter_map(|id| self.storage(id))
    }

    /// The elements of a tuple or a list.
    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(items) | Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id) {
            Node::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a text key of a dictionary.
    pub fn get(&self, id: Id, key: &str) -> Option<Id> {
        self.entries(id)?.iter().find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack at which a mark was set.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

type Step<T> = Result<T, String>;

impl Machine<'_> {
    fn run(&mut self) -> Step<Id> {
        loop {
            let code = self.byte()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code)?;
        }
    }

    fn step(&mut self, code: u8) -> Step<()> {
        match code {
            // Protocol and frames carry no values.
            0x80 => _ = self.byte()?,
            0x95 => _ = self.take(8)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' => _ = self.pop()?,
            b'1' => _ = self.above_mark()?,
            b'2' => self.stack.push(self.top()?),
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'J' | b'K' | b'M' | 0x8a | 0x8b | b'G' => self.number(code)?,
            b'X' | 0x8c | 0x8d | b'T' | b'U' | b'B' | b'C' | 0x8e => self.word(code)?,
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8f | 0x91 => self.container(code)?,
            b'a' | b'e' | 0x90 | b's' | b'u' => self.fill(code)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(code)?,
            b'c' | 0x93 | b'Q' | b'R' | 0x81 | 0x92 | b'b' => self.call(code)?,
            other => {
                return Err(format!(
                    "it has the unknown pickle instruction 0x{other:02x} at byte {}",
                    self.at - 1
                ));
            }
        }
        Ok(())
    }

    fn number(&mut self, code: u8) -> Step<()> {
        let node = match code {
            b'K' => Node::Int(self.byte()?.into()),
            b'M' => Node::Int(u16::from_le_bytes(self.array()?).into()),
            b'J' => Node::Int(i32::from_le_bytes(self.array()?).into()),
            b'G' => Node::Float(f64::from_be_bytes(self.array()?)),
            0x8a => {
                let width = self.byte()?.into();
                self.long(width)?
            }
            _ => {
                let width = u32::from_le_bytes(self.array()?) as usize;
                self.long(width)?
            }
        };
        self.push(node);
        Ok(())
    }

    /// A little-endian number of any width; beyond 64 bits, as seeds and generators' states are, the nearest fraction.
    fn long(&mut self, width: usize) -> Step<Node> {
        let bytes = self.take(width)?;
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        if width > 8 {
            let shifted = bytes.iter().rev().fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte));
            return Ok(Node::Float(if negative { shifted - 256_f64.powi(width as i32) } else { shifted }));
        }
        let mut all = [if negative { 0xff } else { 0 }; 8];
        all[..width].copy_from_slice(bytes);
        Ok(Node::Int(i64::from_le_bytes(all)))
    }

    fn word(&mut self, code: u8) -> Step<()> {
        let length = match code {
            0x8c | b'U' | b'C' => self.byte()?.into(),
            0x8d | 0x8e => {
                usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| "a text is too long")?
            }
            _ => u32::from_le_bytes(self.array()?) as usize,
        };
        let word = self.take(length)?;
        let node = match code {
            b'B' | b'C' | 0x8e => Node::Bytes(word.to_vec()),
            _ => Node::Text(String::from_utf8_lossy(word).into_owned()),
        };
        self.push(node);
        Ok(())
    }

    fn container(&mut self, code: u8) -> Step<()> {
        let node = match code {
            b')' => Node::Tuple(Vec::new()),
            b']' | 0x8f => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b't' => Node::Tuple(self.above_mark()?),
            b'l' | 0x91 => Node::List(self.above_mark()?),
            b'd' => Node::Dict(pairs(&self.above_mark()?)?),
            short => {
                let count = usize::from(short - 0x84);
                let from = self.stack.len().checked_sub(count).ok_or(EMPTY)?;
                Node::Tuple(self.stack.split_off(from))
            }
        };
        self.push(node);
        Ok(())
    }

    /// Adds to the list or dictionary under the values.
    fn fill(&mut self, code: u8) -> Step<()> {
        let values = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            _ => self.above_mark()?,
        };
        let target = self.top()?;
        match &mut self.nodes[target] {
            Node::List(items) => items.extend(values),
            Node::Dict(entries) => entries.extend(pairs(&values)?),
            // An instance of some class: what it is filled with is of no use without the class.
            _ => {}
        }
        Ok(())
    }

    fn remember(&mut self, code: u8) -> Step<()> {
        let key = match code {
            b'q' | b'h' => self.byte()?.into(),
            b'r' | b'j' => u32::from_le_bytes(self.array()?),
            _ => self.memo.len() as u32,
        };
        if matches!(code, b'h' | b'j') {
            let id = *self.memo.get(&key).ok_or("it refers to something it has not said")?;
            self.stack.push(id);
        } else {
            let id = self.top()?;
            self.memo.insert(key, id);
        }
        Ok(())
    }

    fn call(&mut self, code: u8) -> Step<()> {
        match code {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Node::Global(format!("{module} {name}")));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Node::Text(module), Node::Text(name)) = (&self.nodes[module], &self.nodes[name]) else {
                    return Err("it names a class by no name".into());
                };
                self.push(Node::Global(format!("{module} {name}")));
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Node::Persistent(id));
            }
            // State given to an object: dictionaries have theirs already.
            b'b' => {
                let (given, object) = (self.pop()?, self.top()?);
                if let Node::Call { state, .. } = &mut self.nodes[object] {
                    *state = Some(given);
                }
            }
            _ => {
                // Arguments by name are of no use without the class.
                if code == 0x92 {
                    self.pop()?;
                }
                let (arguments, function) = (self.pop()?, self.pop()?);
                let ordered =
                    matches!(&self.nodes[function], Node::Global(name) if name == "collections OrderedDict");
                self.push(if ordered {
                    Node::Dict(Vec::new())
                } else {
                    Node::Call { function, arguments, state: None }
                });
            }
        }
        Ok(())
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
    }

    fn pop(&mut self) -> Step<Id> {
        self.stack.pop().ok_or_else(|| EMPTY.into())
    }

    fn top(&self) -> Step<Id> {
        self.stack.last().copied().ok_or_else(|| EMPTY.into())
    }

    fn above_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len()).ok_or(EMPTY)?;
        Ok(self.stack.split_off(mark))
    }

    fn byte(&mut self) -> Step<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| SHORT.into())
    }

    fn take(&mut self, count: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len()).ok_or(SHORT)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn line(&mut self) -> Step<String> {
        let length = self.bytes[self.at..].iter().position(|byte| *byte == b'\n').ok_or(SHORT)?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.at += 1;
        Ok(line)
    }
}

const EMPTY: &str = "its pickle takes more from the stack than there is";
const SHORT: &str = "its pickle ends too early";

fn pairs(values: &[Id]) -> Step<Vec<(Id, Id)>> {
    let (pairs, rest) = values.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    } else {
        Err(EMPTY.into())
    }
}
