"""Every code, a line each: the number, the name, one sentence.

A number is never reused. Each has a page in `explain/`, a case in the tests and a
place in the code that raises it; `tests/architecture/test_catalog.py` holds us to that.
"""

from __future__ import annotations

from dlc.compiler.diagnostics.model import Code, Severity

_CODES = (
    # E01xx syntax
    Code("E0101", "unexpected-token", "the text cannot be read at this word or sign"),
    Code("E0102", "unknown-character", "a character that the language does not use"),
    Code("E0103", "unclosed-bracket", "a bracket or quote that is never closed"),
    Code("E0104", "split-by-comma", "a comma inside `{ }` or `[ ]` of YAML splits a call in two"),
    Code("E0105", "yaml-syntax", "the file is not well-formed YAML"),
    Code("E0106", "bare-op-with-modifier", "an op without `:` is followed by a modifier"),
    Code("E0107", "two-ops-in-one-item", "one list item of `layers` names two ops"),
    Code("E0108", "duplicate-key", "the same key is given twice"),
    Code("E0109", "refused-yaml", "anchors, aliases, merge keys, tags and second documents"),
    Code("E0110", "too-large", "a limit of the language is passed: size, depth, digits, tokens"),
    Code("E0111", "bad-encoding", "the file is not plain UTF-8 text"),
    Code("E0112", "unsupported-version", "the spec asks for a language version we do not read"),
    Code("E0113", "missing-version", "the first line must say the language version"),
    Code("E0114", "bad-number", "a number that is written ambiguously or out of range"),
    Code("E0115", "wrong-structure", "a list, mapping or scalar where another was expected"),
    Code("E0116", "bad-name", "a name that is not a plain identifier or in the wrong case"),
    # E02xx names
    Code("E0201", "unknown-op", "no op or block has this name"),
    Code("E0202", "unknown-name", "a name that nothing above declares"),
    Code("E0203", "duplicate-name", "the same name is declared twice"),
    Code("E0204", "import-cycle", "files import each other in a circle"),
    Code("E0205", "unknown-argument", "a call has no argument of this name"),
    Code("E0206", "unknown-key", "a section has no key of this name"),
    Code("E0207", "unknown-section", "a spec has no section of this name"),
    Code("E0208", "import-outside-root", "a path leaves the folder of the spec"),
    Code("E0209", "import-failed", "an imported file or block cannot be found or read"),
    Code("E0210", "unknown-component", "no loss, optimizer, schedule, ... has this name"),
    Code("E0211", "shadowed-name", "a name hides another of an outer scope"),
    Code("E0212", "unknown-layer", "no layer or parameter of this name is in scope"),
    Code("E0213", "unfilled-input", "no column and no step fills an input or target"),
    Code("E0214", "unknown-path", "`--set` or `search.space` names nothing in the spec"),
    Code("E0215", "block-cycle", "a block uses itself or one declared below it"),
    Code("E0216", "wrong-kind", "a name of one kind where another kind is wanted"),
    Code("E0217", "broken-plugin", "an op of an installed package that cannot be used"),
    # E03xx values
    Code("E0301", "wrong-type", "a value of the wrong type"),
    Code("E0302", "out-of-bounds", "a number outside the allowed range"),
    Code("E0303", "missing-argument", "a required argument is not given"),
    Code("E0304", "unknown-word", "a word that is not one of the allowed ones"),
    Code("E0305", "too-many-arguments", "more positional arguments than the call takes"),
    Code("E0306", "duplicate-argument", "an argument is given twice"),
    Code("E0307", "bad-expression", "an expression that cannot be computed"),
    Code("E0308", "missing-param", "a required parameter has no value"),
    Code("E0309", "missing-section", "a section or key that this needs is absent"),
    Code("E0310", "bad-range", "a range whose ends or step do not fit"),
    Code("E0311", "conflicting-settings", "two settings that exclude each other"),
    Code("E0312", "nothing-to-start-from", "an initializer from data that the data cannot fill"),
    Code("E0313", "symmetric-weights", "a hidden layer whose units would all start equal"),
    Code("E0320", "foreign-group-setting", "a group sets what its optimizer does not have"),
    Code("E0321", "too-many-for-newton", "more parameters than a full Hessian is made of"),
    Code("E0322", "no-hidden-matrix", "`muon` for a network without matrices between layers"),
    Code("E0323", "wrong-gradients", "sparse or dense gradients that an optimizer does not take"),
    # E04xx shapes
    Code("E0401", "wrong-rank", "a tensor with the wrong number of dims"),
    Code("E0402", "shape-mismatch", "two shapes that must agree do not"),
    Code("E0403", "unknown-size", "a size that must be known here is not"),
    Code("E0404", "indivisible", "a size that must divide another does not"),
    Code("E0405", "kernel-too-large", "a kernel larger than its padded input"),
    Code("E0406", "wrong-dtype", "a tensor of the wrong element type"),
    Code("E0407", "undecided-shape", "two shapes that may or may not agree"),
    Code("E0408", "shape-assertion", "a `shape(...)` check does not hold"),
    Code("E0409", "missing-input", "a layer has no value to work on"),
    Code("E0410", "wrong-input-count", "a layer got more or fewer values than it takes"),
    Code("E0411", "no-output", "a model without an output"),
    Code("E0412", "unlike-reuse", "layers that do not fit what they are applied to again"),
    # E05xx lowering, codegen
    Code("E0501", "name-collision", "two layers would get the same name"),
    Code("E0502", "expansion-too-large", "repeats and blocks expand to too many layers"),
    Code("E0503", "invalid-graph", "a textual graph that does not hold together"),
    Code("E0504", "build-mismatch", "the generated module does not agree with the graph"),
    # E06xx runtime, export
    Code("E0601", "parity-failure", "the exported model does not compute what PyTorch computes"),
    Code("E0602", "not-run-yet", "a declared component that this version does not run"),
    Code("E0603", "missing-dependency", "a package that this command needs is not installed"),
    Code("E0604", "bad-data-file", "a data file cannot be read"),
    Code("E0605", "missing-column", "the data has no such column"),
    Code("E0606", "bad-data-value", "a value in the data does not fit its declared type"),
    Code("E0607", "run-folder-in-use", "the run folder is used or locked"),
    Code("E0608", "corrupt-checkpoint", "a checkpoint does not match its manifest"),
    Code("E0609", "non-finite-loss", "the loss became NaN or infinite"),
    Code("E0610", "bad-model-file", "a model file cannot be used"),
    Code("E0611", "io-failure", "reading or writing failed"),
    Code("E0612", "provider-unavailable", "the asked device or provider does not run"),
    Code("E0613", "module-changed", "the run folder's module is not what its spec gives"),
    Code("E0614", "export-unsupported", "ONNX cannot express this"),
    Code("E0615", "out-of-memory", "the device's memory does not hold what is asked of it"),
    Code("E0623", "not-one-number", "what is watched in training is not a single number"),
    Code("E0626", "cannot-compile", "a training step that torch.compile cannot take"),
    # E063x averages and ensembles
    Code("E0631", "unlike-members", "a spec that does not fit the ensemble it is named for"),
    Code("E0632", "uncombinable-output", "an output that an ensemble cannot combine"),
    Code("E0633", "not-side-by-side", "members that cannot be trained side by side"),
    Code("E0636", "too-many-ranks", "a batch that is too small to be shared by all ranks"),
    Code("E0637", "ranks-not-connected", "the processes of a run do not reach each other"),
    Code("E0638", "lost-rank", "a process of a run died or does not answer"),
    Code("E0639", "unlike-ranks", "the processes of a run differ in what must agree"),
    Code("E0640", "not-divisible", "what several processes cannot divide among them"),
    # E07xx starting from trained weights
    Code("E0701", "bad-rename", "an entry of `transfer.rename` that says nothing that can be done"),
    Code("E0702", "transfer-shape", "a tensor of a weights file has another shape than ours"),
    Code("E0703", "nothing-transferred", "no tensor of a weights file fills anything here"),
    Code("E0704", "incomplete-rename", "a tensor is made of several, and the file lacks some"),
    Code("E0705", "transfer-dtype", "a tensor of a weights file has an element type we lack"),
    Code("E0706", "nothing-trained", "every layer is frozen"),
    Code("E0707", "unknown-node", "a node that a model does not have"),
    Code("E0708", "node-without-rows", "a node that gives nothing for each row of the data"),
    Code("E0709", "uncachable-features", "features of frozen layers that cannot be kept"),
    # E09xx us
    Code("E0901", "internal-error", "a mistake of ours, not of the spec"),
    # W01xx lints
    Code("W0101", "unused-value", "a named result or input that nothing uses", Severity.WARNING),
    Code(
        "W0102",
        "softmax-before-loss",
        "softmax or sigmoid before a loss that applies it",
        Severity.WARNING,
    ),
    Code(
        "W0103",
        "bias-before-batch-norm",
        "a bias that batch norm subtracts again",
        Severity.WARNING,
    ),
    Code("W0104", "unused-param", "a parameter of the spec that nothing reads", Severity.WARNING),
    Code("W0105", "unused-init", "an entry of `init` that no layer starts from", Severity.WARNING),
    Code(
        "W0106",
        "logits-for-probabilities",
        "plain scores for a loss over probabilities",
        Severity.WARNING,
    ),
    Code(
        "W0110",
        "l2-with-adam",
        "L2 in the gradient of an optimizer that divides by the gradient's size",
        Severity.WARNING,
    ),
    Code(
        "W0111",
        "decayed-norms",
        "weight decay on the scales and shifts of normalizations",
        Severity.WARNING,
    ),
    Code(
        "W0112",
        "noise-in-a-full-batch-method",
        "mini-batches or dropout with an optimizer for the full batch",
        Severity.WARNING,
    ),
    Code(
        "W0113",
        "probabilities-for-logits",
        "a metric takes probabilities for logits",
        Severity.WARNING,
    ),
    Code(
        "W0114",
        "unusual-learning-rate",
        "a learning rate far from what the optimizer usually takes",
        Severity.WARNING,
    ),
    # W02xx data
    Code("W0201", "missing-values", "missing values that nothing fills", Severity.WARNING),
    Code(
        "W0202",
        "constant-column",
        "a column that holds one value in every row",
        Severity.WARNING,
    ),
    Code("W0203", "duplicate-column", "columns that are equal in every row", Severity.WARNING),
    Code("W0204", "duplicate-rows", "rows that are there more than once", Severity.WARNING),
    Code(
        "W0205",
        "row-in-two-parts",
        "the same inputs in two parts of the data",
        Severity.WARNING,
    ),
    Code("W0206", "contradicting-labels", "equal inputs with different classes", Severity.WARNING),
    Code(
        "W0207",
        "likely-wrong-labels",
        "rows whose class is that of none of their neighbours",
        Severity.WARNING,
    ),
    Code("W0208", "class-imbalance", "classes of very different sizes", Severity.WARNING),
    Code("W0209", "outliers", "numbers far from all others", Severity.WARNING),
    Code("W0210", "unlike-scales", "inputs on wildly different scales", Severity.WARNING),
    Code(
        "W0211",
        "drift-between-parts",
        "parts of the data that differ from each other",
        Severity.WARNING,
    ),
    # W03xx training
    Code(
        "W0305",
        "snapshots-without-cycles",
        "a learning rate with fewer low points than snapshots",
        Severity.WARNING,
    ),
    Code(
        "W0307",
        "statistics-per-rank",
        "batch norm over each rank's share of a batch",
        Severity.WARNING,
    ),
    # W07xx starting from trained weights
    Code(
        "W0701",
        "not-transferred",
        "parameters or buffers that a weights file does not fill",
        Severity.WARNING,
    ),
    Code("W0702", "unused-weights", "tensors of a weights file that go nowhere", Severity.WARNING),
    Code("W0703", "unused-rename", "an entry of `rename` that matches nothing", Severity.WARNING),
    Code(
        "W0704",
        "untied-weights",
        "tensors of a weights file that differ and are one weight here",
        Severity.WARNING,
    ),
)

CODES: dict[str, Code] = {code.number: code for code in _CODES}
BY_NAME: dict[str, Code] = {code.name: code for code in _CODES}


def code(number: str) -> Code:
    """The catalogued code `E0402`; a KeyError is a mistake of ours."""
    return CODES[number]
