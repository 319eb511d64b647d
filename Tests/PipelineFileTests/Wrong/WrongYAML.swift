// Files that are no YAML, or YAML that is not read, and what is said of them.

let wrongYAML: [WrongFile] = [
  WrongFile(
    "broken YAML",
    #"""
    stages:
      images: { stage: load-images

    """#,
    says: #"""
      folder/main.yaml:2:31: error: this is not YAML: did not find expected ',' or '}'
       2 |   images: { stage: load-images
         |                               ^
        note: while parsing a flow mapping that starts at folder/main.yaml:2:11
      """#),
  WrongFile(
    "a tab for indentation",
    #"""
    stages:
    \#timages: 1

    """#,
    says: #"""
      folder/main.yaml:2:1: error: this is not YAML: found character that cannot start any token
       2 | \#timages: 1
         | ^
        note: while scanning for the next token that starts at folder/main.yaml:2:1
      """#),
  WrongFile(
    "a second document",
    #"""
    stages:
      images: { stage: load-images }
    ---
    a: 1

    """#,
    says: #"""
      folder/main.yaml:3:1: error: a second document starts here, and a pipeline file is one
       3 | ---
         | ^
      """#),
  WrongFile(
    "a control character",
    #"""
    stages:
      a: "x\#u{7}"

    """#,
    says: #"""
      folder/main.yaml:2:8: error: the character U+0007 can't stand in a pipeline file
       2 |   a: "x\#u{7}"
         |        ^
      """#),
  WrongFile(
    "duplicate keys",
    #"""
    stages:
      images: { stage: load-images }
      other: { stage: load-images }
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:4:3: error: duplicate key 'images'
       4 |   images: { stage: load-images }
         |   ^
        note: first given at folder/main.yaml:2:3
      """#),
  WrongFile(
    "duplicate keys, thrice and quoted",
    #"""
    parameters:
      a: 1
      'a': 2
      a: 3
      b: {x: 1, x: 2}
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:3:3: error: duplicate key 'a'
       3 |   'a': 2
         |   ^
        note: first given at folder/main.yaml:2:3
      folder/main.yaml:4:3: error: duplicate key 'a'
       4 |   a: 3
         |   ^
        note: first given at folder/main.yaml:2:3
      folder/main.yaml:5:13: error: duplicate key 'x'
       5 |   b: {x: 1, x: 2}
         |             ^
        note: first given at folder/main.yaml:5:7
      """#),
  WrongFile(
    "a key that is a list",
    #"""
    parameters:
      [a, b]: 1
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:3: error: a key must be plain text, not a list or a map
       2 |   [a, b]: 1
         |   ^
      """#),
  WrongFile(
    "an alias as a key",
    #"""
    parameters:
      a: &a x
      *a : 1
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:3:3: error: an alias can't be a key
       3 |   *a : 1
         |   ^
      """#),
  WrongFile(
    "deep nesting",
    #"""
    a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]

    """#,
    says: #"""
      folder/main.yaml:1:67: error: lists and maps are nested deeper than 64 levels
       1 | a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
         |                                                                   ^
      """#),
  WrongFile(
    "very deep nesting",
    #"""
    a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[

    """#,
    says: #"""
      folder/main.yaml:1:67: error: lists and maps are nested deeper than 64 levels
      """#),
  WrongFile(
    "a merge key",
    #"""
    parameters:
      a: &a { x: 1 }
      b:
        <<: *a
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:4:5: error: YAML's merge key '<<' is not read
       4 |     <<: *a
         |     ^
        note: 'extends' merges whole files
      """#),
  WrongFile(
    "an undefined alias",
    #"""
    parameters:
      a: *nothing
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: this is not YAML: found undefined alias
       2 |   a: *nothing
         |      ^
      """#),
  WrongFile(
    "a tag",
    #"""
    parameters:
      a: !!binary abcd
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: the tag 'tag:yaml.org,2002:binary' is not read
       2 |   a: !!binary abcd
         |      ^
        note: of YAML's tags only '!!str' has a use here
      """#),
  WrongFile(
    "not a number",
    #"""
    parameters:
      a: .nan
      b: [-.inf, 1e999, -1e-400, 0e-400]
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: '.nan' is no finite number; quote it if it is text
       2 |   a: .nan
         |      ^
      folder/main.yaml:3:7: error: '-.inf' is no finite number; quote it if it is text
       3 |   b: [-.inf, 1e999, -1e-400, 0e-400]
         |       ^
      folder/main.yaml:3:14: error: the number 1e999 is beyond the range of a double
       3 |   b: [-.inf, 1e999, -1e-400, 0e-400]
         |              ^
      folder/main.yaml:3:21: error: the number -1e-400 is beyond the range of a double
       3 |   b: [-.inf, 1e999, -1e-400, 0e-400]
         |                     ^
      """#),
  WrongFile(
    "an integer beyond 64 bits",
    #"""
    parameters:
      a: 9223372036854775808
      b: 010
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: the integer 9223372036854775808 is beyond 64 bits
       2 |   a: 9223372036854775808
         |      ^
      folder/main.yaml:3:6: error: '010' may mean octal or decimal; write 0o… for octal, or quote it if it is text
       3 |   b: 010
         |      ^
      """#),
]
