//! Tokens of a recipe as statements: assignments, commands, loops, comparisons.

use std::ops::Range;

use super::lexer::{Piece, Raw, Token};

/// `name=value`, `name=(…)` or `name+=(…)`.
#[derive(Debug, Clone)]
pub struct Assignment {
    pub name: String,
    pub value: Given,
    pub adds: bool,
}

/// What an assignment gives a variable.
#[derive(Debug, Clone)]
pub enum Given {
    One(Raw),
    List(Vec<Raw>),
}

/// One statement of a recipe.
#[derive(Debug, Clone)]
pub enum Statement {
    Command {
        assignments: Vec<Assignment>,
        words: Vec<Raw>,
    },
    For {
        variable: String,
        items: Vec<Raw>,
        body: Vec<Statement>,
    },
    Count {
        text: String,
        span: Range<usize>,
        body: Vec<Statement>,
    },
    If {
        branches: Vec<(Vec<Raw>, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    /// What is not read, by name.
    Beyond {
        what: &'static str,
        span: Range<usize>,
    },
    /// Branches under a condition that is not read.
    Unread {
        what: &'static str,
        span: Range<usize>,
        branches: Vec<Statement>,
    },
}

/// The statements of a whole text.
pub fn statements(tokens: Vec<Token>) -> Vec<Statement> {
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let mut all = Vec::new();
    loop {
        all.extend(parser.block());
        let Some(token) = parser.take() else { return all };
        // A stray keyword, such as a `done` of a loop that was not read.
        if let Token::Word(word) = token {
            all.push(Statement::Beyond { what: "a keyword out of place", span: word.span });
        }
    }
}

/// Loops and branches inside of one another that are read: more would exhaust the stack before they made sense to anybody.
const DEEPEST: usize = 64;

const KEYWORDS: [&str; 7] = ["do", "done", "then", "elif", "else", "fi", "}"];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// Blocks that are open.
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn separators(&mut self) {
        while matches!(self.peek(), Some(Token::Newline | Token::Operator(";" | "&" | "&&", _))) {
            self.at += 1;
        }
    }

    fn keyword(&self) -> Option<&'static str> {
        match self.peek() {
            Some(Token::Word(word)) => KEYWORDS.into_iter().find(|keyword| word.is(keyword)),
            _ => None,
        }
    }

    /// Statements up to a keyword that ends a block, which is left standing.
    fn block(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        self.depth += 1;
        loop {
            self.separators();
            if self.keyword().is_some() || self.peek().is_none() {
                self.depth -= 1;
                return statements;
            }
            statements.push(self.statement());
        }
    }

    fn statement(&mut self) -> Statement {
        match self.peek() {
            _ if self.depth > DEEPEST => self.give_up("what is nested so deeply"),
            Some(Token::Word(word)) if word.is("for") => self.r#for(),
            Some(Token::Word(word)) if word.is("if") => self.r#if(),
            Some(Token::Word(word)) => {
                let unread = ["while", "until", "case", "select", "function", "{"];
                match unread.into_iter().find(|keyword| word.is(keyword)) {
                    Some(_) => self.give_up("a `while`, `case` or function"),
                    None => self.command(),
                }
            }
            Some(Token::Operator(..)) => self.give_up("an operator or a subshell"),
            _ => self.give_up("this form"),
        }
    }

    /// Reports the construct here and skips the rest: what follows it may be inside it.
    fn give_up(&mut self, what: &'static str) -> Statement {
        let span = match self.peek() {
            Some(Token::Word(word)) => word.span.clone(),
            Some(Token::Operator(_, span) | Token::Double(_, span)) => span.clone(),
            _ => 0..0,
        };
        self.at = self.tokens.len();
        Statement::Beyond { what, span }
    }

    fn expect(&mut self, keyword: &str) -> bool {
        self.separators();
        let there = matches!(self.peek(), Some(Token::Word(word)) if word.is(keyword));
        self.at += usize::from(there);
        there
    }

    fn r#for(&mut self) -> Statement {
        self.at += 1;
        let (double, variable) = match self.take() {
            Some(Token::Double(text, span)) => (Some((text, span)), String::new()),
            Some(Token::Word(word)) => (None, word.plain().unwrap_or_default()),
            _ => (None, String::new()),
        };
        let mut items = Vec::new();
        if double.is_none() {
            if !self.expect("in") {
                return self.give_up("a `for` without `in`");
            }
            while let Some(Token::Word(word)) = self.peek() {
                items.push(word.clone());
                self.at += 1;
            }
        }
        if !self.expect("do") {
            return self.give_up("a `for` without `do`");
        }
        let body = self.block();
        if !self.expect("done") {
            return self.give_up("a `for` without `done`");
        }
        match double {
            Some((text, span)) => Statement::Count { text, span, body },
            None => Statement::For { variable, items, body },
        }
    }

    fn r#if(&mut self) -> Statement {
        let (mut branches, mut otherwise, mut compound) = (Vec::new(), Vec::new(), None);
        loop {
            self.at += 1;
            let condition = self.condition(&mut compound);
            if !self.expect("then") {
                return self.give_up("an `if` without `then`");
            }
            branches.push((condition, self.block()));
            if self.keyword() == Some("elif") {
                continue;
            }
            if self.expect("else") {
                otherwise = self.block();
            }
            if !self.expect("fi") {
                return self.give_up("an `if` without `fi`");
            }
            return match compound {
                None => Statement::If { branches, otherwise },
                Some(span) => {
                    let branches = branches.into_iter().flat_map(|(_, body)| body).chain(otherwise).collect();
                    Statement::Unread { what: "a compound condition", span, branches }
                }
            };
        }
    }

    /// The words up to `then`; an operator between them makes the condition `compound`.
    fn condition(&mut self, compound: &mut Option<Range<usize>>) -> Vec<Raw> {
        let mut condition = Vec::new();
        while let Some(token) = self.peek() {
            match token {
                Token::Word(word) if word.is("then") => break,
                Token::Word(word) => condition.push(word.clone()),
                Token::Operator(";", _) | Token::Newline => {}
                Token::Operator(_, span) | Token::Double(_, span) => {
                    compound.get_or_insert(span.clone());
                }
            }
            self.at += 1;
        }
        condition
    }

    fn command(&mut self) -> Statement {
        let (mut assignments, mut words) = (Vec::new(), Vec::<Raw>::new());
        loop {
            match self.peek() {
                Some(Token::Word(word)) => {
                    let word = word.clone();
                    self.at += 1;
                    let declares = declares_only(&words);
                    let flag = declares && word.is("-a");
                    match assignment(&word).filter(|_| words.is_empty() || declares) {
                        Some(assigned) => {
                            let assigned = self.list_of(assigned);
                            assignments.push(assigned);
                        }
                        None if flag => {}
                        None => words.push(word),
                    }
                }
                Some(Token::Operator(">" | ">>" | "<" | "&>" | "&>>" | ">&" | "<<", _)) => {
                    self.at += 1;
                    self.redirected(&mut words);
                }
                Some(Token::Operator("2>&1", _)) => self.at += 1,
                Some(Token::Operator("|", _)) => self.skip_pipe(),
                Some(Token::Operator("||", span)) => {
                    let span = span.clone();
                    self.at += 1;
                    return Statement::Beyond { what: "`||`", span };
                }
                Some(Token::Operator("(" | ")", _)) => return self.give_up("a subshell or a function"),
                _ => break,
            }
        }
        if declares_only(&words) {
            words.clear();
        }
        Statement::Command { assignments, words }
    }

    /// Drops the file that is written to or read from, and the number before `2>`.
    fn redirected(&mut self, words: &mut Vec<Raw>) {
        if matches!(self.peek(), Some(Token::Word(_))) {
            self.at += 1;
        }
        if words.last().is_some_and(|last| last.is("1") || last.is("2")) {
            words.pop();
        }
    }

    /// What a command's output goes to is of no interest.
    fn skip_pipe(&mut self) {
        while !matches!(self.peek(), None | Some(Token::Newline | Token::Operator(";" | "&&", _))) {
            self.at += 1;
        }
    }

    /// The list that follows `name=` directly.
    fn list_of(&mut self, assigned: Assignment) -> Assignment {
        let empty = matches!(&assigned.value, Given::One(raw) if raw.pieces.is_empty());
        if !empty || !matches!(self.peek(), Some(Token::Operator("(", _))) {
            return assigned;
        }
        self.at += 1;
        let mut items = Vec::new();
        while let Some(token) = self.take() {
            match token {
                Token::Word(word) => items.push(word),
                Token::Newline => {}
                _ => break,
            }
        }
        Assignment { value: Given::List(items), ..assigned }
    }
}

/// Whether nothing but the announcement of an assignment stands there.
fn declares_only(words: &[Raw]) -> bool {
    let announces = |word: &Raw| ["export", "declare", "local", "readonly"].iter().any(|name| word.is(name));
    matches!(words, [word] if announces(word))
}

/// The word as an assignment, if it is one.
fn assignment(word: &Raw) -> Option<Assignment> {
    let mut name = String::new();
    for (index, piece) in word.pieces.iter().enumerate() {
        let Piece::Letter { letter, quoted: false, .. } = piece else { return None };
        match letter {
            '=' => {
                let adds = name.ends_with('+');
                let name = name.trim_end_matches('+').to_owned();
                let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && name.starts_with(|c: char| !c.is_ascii_digit());
                let value = Raw { pieces: word.pieces[index + 1..].to_vec(), span: word.span.clone() };
                return is_name.then_some(Assignment { name, value: Given::One(value), adds });
            }
            _ => name.push(*letter),
        }
    }
    None
}
