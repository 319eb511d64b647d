// Names, texts and files that would do harm later, and what is said of them.

let wrongTexts: [WrongFile] = [
  WrongFile(
    "names that harm",
    "axes: { a: [\"\\e\", ' b', \"\(String(repeating: "字", count: 34))\"] }\n"
      + #"""
      stages:
        x: { stage: command, inputs: { ../up: y, a/b: y }, parameters: { argv: ["a\0b"] } }
        y: { stage: command, parameters: { argv: [a] }, cases: { "\u202Ea": {} } }

      """#,
    says: #"""
      folder/main.yaml:1:13: error: axis 'a': the string '\u{1B}' can't stand in the name of a node
       1 | axes: { a: ["\e", ' b', "字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字"] }
         |             ^
        note: a value of an axis has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      folder/main.yaml:1:19: error: axis 'a': the string ' b' can't stand in the name of a node
       1 | axes: { a: ["\e", ' b', "字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字"] }
         |                   ^
        note: a value of an axis has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      folder/main.yaml:1:25: error: axis 'a': the string '字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字' can't stand in the name of a node
       1 | axes: { a: ["\e", ' b', "字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字"] }
         |                         ^
        note: a value of an axis has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      folder/main.yaml:3:34: error: '../up' can't name an input
       3 |   x: { stage: command, inputs: { ../up: y, a/b: y }, parameters: { argv: ["a\0b"] } }
         |                                  ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
      folder/main.yaml:3:44: error: 'a/b' can't name an input
       3 |   x: { stage: command, inputs: { ../up: y, a/b: y }, parameters: { argv: ["a\0b"] } }
         |                                            ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
      folder/main.yaml:3:75: error: a text can't hold the character U+0000
       3 |   x: { stage: command, inputs: { ../up: y, a/b: y }, parameters: { argv: ["a\0b"] } }
         |                                                                           ^
      folder/main.yaml:4:60: error: '\u{202E}a' can't be a label
       4 |   y: { stage: command, parameters: { argv: [a] }, cases: { "\u202Ea": {} } }
         |                                                            ^
        note: a label has no [ ] , = or control character, no space at its ends, and from 1 to 100 bytes
      """#),
  WrongFile(
    "files that are named twice",
    #"""
    stages:
      a: { stage: command, parameters: { argv: [a], files: [v, ./v] } }
      b: { stage: command, parameters: { argv: [a], files: [src/s, src, src-2] } }
      c: { stage: command, parameters: { argv: [a], files: [src-2/a, src/a] } }

    """#,
    says: #"""
      folder/main.yaml:2:57: error: the file 'v' stands twice
       2 |   a: { stage: command, parameters: { argv: [a], files: [v, ./v] } }
         |                                                         ^
        note: a folder is read with all that is in it
      folder/main.yaml:3:57: error: the file 'src/s' lies within 'src', which stands here too
       3 |   b: { stage: command, parameters: { argv: [a], files: [src/s, src, src-2] } }
         |                                                         ^
        note: a folder is read with all that is in it
      """#),
  WrongFile(
    "numbers that lose their form",
    #"""
    parameters: { version: 3.10, same: "${version}", fine: 1e-3, title: "v${same}" }
    axes: { n: [1e3, 2.0, 5.50], rate: [0.00005, .5] }
    stages:
      a: { stage: command, for: [n, rate], parameters: { argv: [python, "${version}", "${fine}${rate}"] } }
      b: { stage: command, for: n, parameters: { argv: ["n${n}"] } }

    """#,
    says: #"""
      folder/main.yaml:1:71: error: '${same}' would not stand in this text as it is written, 3.10
       1 | parameters: { version: 3.10, same: "${version}", fine: 1e-3, title: "v${same}" }
         |                                                                       ^
        note: quote 3.10 at folder/main.yaml:1:24 if it is text, or write it without the digits that are lost
      folder/main.yaml:4:70: error: '${version}' would not stand in this text as it is written, 3.10
       4 |   a: { stage: command, for: [n, rate], parameters: { argv: [python, "${version}", "${fine}${rate}"] } }
         |                                                                      ^
        note: quote 3.10 at folder/main.yaml:1:24 if it is text, or write it without the digits that are lost
      folder/main.yaml:5:55: error: '${n}' would not stand in this text as it is written, 2.0
       5 |   b: { stage: command, for: n, parameters: { argv: ["n${n}"] } }
         |                                                       ^
        note: quote 2.0 at folder/main.yaml:2:18 if it is text, or write it without the digits that are lost
        note: quote 5.50 at folder/main.yaml:2:23 if it is text, or write it without the digits that are lost
      """#),
]
