//! The kinds of mistakes a pasted command can hold.

use crate::config::{Code, Problem};

/// One mistake, boxed so that results stay small.
pub type Fault = Box<Problem>;

/// E201.
pub const UNKNOWN_FLAG: Code = Code::new(
    "E201",
    "The program whose command is imported has no such flag.",
    "`runner explain PROGRAM`, for example `runner explain train_distill.py`, lists its flags. The published program may have ignored the \
     word; here it is never ignored.",
);
/// E202.
pub const UNKNOWN_HPARAM: Code = Code::new(
    "E202",
    "The program whose command is imported has no such hparam.",
    "`runner explain train.py` lists the hparams below the flags.",
);
/// E203.
pub const BAD_VALUE: Code = Code::new(
    "E203",
    "A flag's value is not what the program or the option here takes.",
    "The message says what is taken; integers stay integers in the published programs' hparams.",
);
/// E204.
pub const MISSING_FLAG: Code = Code::new(
    "E204",
    "A flag that the program requires, or the value of a flag, is missing.",
    "Add it to the command, or import the command without the flag.",
);
/// E205.
pub const NO_COUNTERPART: Code = Code::new(
    "E205",
    "The command asks for something that is done in no way here.",
    "The message says what it is; take it out of the command to import the rest.",
);
/// E207.
pub const UNKNOWN_SCRIPT: Code = Code::new(
    "E207",
    "The command calls a program that import does not know.",
    "`docs/import.md` lists the programs whose commands are understood.",
);
/// E208.
pub const ABSENT_SCRIPT: Code = Code::new(
    "E208",
    "The recipe calls a program that the published repository does not contain.",
    "Nobody can run this recipe as published; import the commands of the programs that exist.",
);
/// E209.
pub const BEYOND_SHELL: Code = Code::new(
    "E209",
    "The recipe uses a part of the shell that is not read.",
    "Recipes are read, never executed: variables, lists, loops over known words and comparisons of known words are followed, no more. Import \
     the command itself with the values filled in.",
);
/// E210.
pub const UNSET: Code = Code::new(
    "E210",
    "A variable has no value where the recipe uses it.",
    "Assign it in the recipe, or give the recipe's arguments: `runner import 'bash RECIPE.sh ARGUMENT'`.",
);
/// E211.
pub const OPEN_NAME: Code = Code::new(
    "E211",
    "The command leaves open what the experiment is called.",
    "Give `--name NAME`, or fill the placeholder in.",
);
/// E212.
pub const NOTHING_FOUND: Code = Code::new(
    "E212",
    "There is no command in the text.",
    "Give a command, or a README or recipe with one: a line that calls one of the programs in `docs/import.md`.",
);
/// E213.
pub const MALFORMED_HPARAMS: Code = Code::new(
    "E213",
    "The hparams are not written as the program takes them.",
    "Write `name=value,name=value`, without spaces, or name a JSON file.",
);
/// E214.
pub const SAME_NAME: Code = Code::new(
    "E214",
    "Two commands come to experiments of the same name.",
    "Import them one by one, each with `--name NAME`.",
);

/// Every code of this room, in order.
pub const CODES: [Code; 13] = [
    UNKNOWN_FLAG,
    UNKNOWN_HPARAM,
    BAD_VALUE,
    MISSING_FLAG,
    NO_COUNTERPART,
    UNKNOWN_SCRIPT,
    ABSENT_SCRIPT,
    BEYOND_SHELL,
    UNSET,
    OPEN_NAME,
    NOTHING_FOUND,
    MALFORMED_HPARAMS,
    SAME_NAME,
];
