// Files with wrong 'zip', 'exclude' and 'when', and what is said of them.

let wrongConditions: [WrongFile] = [
  WrongFile(
    "axes in step that can't be",
    #"""
    axes: { rate: [0.1, 0.01], steps: [10, 20, 30], seed: 2 }
    zip: [[rate, steps], [seed, sed], [seed]]
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:14: error: 'zip' pairs 'rate', which has 2 values, with 'steps', which has 3 values
       2 | zip: [[rate, steps], [seed, sed], [seed]]
         |              ^
        note: the values are given at folder/main.yaml:1:9 and folder/main.yaml:1:28
      folder/main.yaml:2:29: error: unknown axis 'sed'
       2 | zip: [[rate, steps], [seed, sed], [seed]]
         |                             ^
        note: did you mean 'seed'?
      folder/main.yaml:2:35: error: 'zip': found a list, expected a list of two axes or more
       2 | zip: [[rate, steps], [seed, sed], [seed]]
         |                                   ^
      """#),
  WrongFile(
    "axes in step with themselves",
    #"""
    axes: { rate: [0.1, 0.01], seed: 2 }
    zip: [rate, seed, rate]
    exclude: rate
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:19: error: axis 'rate' stands twice in 'zip'
       2 | zip: [rate, seed, rate]
         |                   ^
      folder/main.yaml:3:10: error: 'exclude': found the string 'rate', expected a map of axes with values
       3 | exclude: rate
         |          ^
        note: it is written 'exclude: [{data: gamma, model: lasso}, {seed: [3, 4]}]'
      """#),
  WrongFile(
    "combinations that are none",
    #"""
    axes: { data: [alpha, beta], seed: 2 }
    zip: data
    exclude: [{ dta: alpha }, { data: alpa, seed: [0, 2] }, { seed: [[1]] }]
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:2:6: error: 'zip': found the string 'data', expected a list of axes
       2 | zip: data
         |      ^
        note: it is written 'zip: [rate, steps]', or as a list of such lists
      folder/main.yaml:3:13: error: unknown axis 'dta'
       3 | exclude: [{ dta: alpha }, { data: alpa, seed: [0, 2] }, { seed: [[1]] }]
         |             ^
        note: did you mean 'data'?
      folder/main.yaml:3:35: error: 'exclude': alpa is no value of axis 'data'
       3 | exclude: [{ dta: alpha }, { data: alpa, seed: [0, 2] }, { seed: [[1]] }]
         |                                   ^
        note: did you mean 'alpha'?
      folder/main.yaml:3:51: error: 'exclude': 2 is no value of axis 'seed'
       3 | exclude: [{ dta: alpha }, { data: alpa, seed: [0, 2] }, { seed: [[1]] }]
         |                                                   ^
        note: its values: 0, 1
      folder/main.yaml:3:66: error: 'exclude': found a list, expected a value of axis 'seed' or a list of them
       3 | exclude: [{ dta: alpha }, { data: alpa, seed: [0, 2] }, { seed: [[1]] }]
         |                                                                  ^
      """#),
  WrongFile(
    "conditions that are none",
    #"""
    defaults: { label: 0 }
    parameters: { list: [1], name: x }
    axes: { size: [1, 2], data: [a, b] }
    stages:
      images: { stage: load-images, when: 3 }
      group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
      some: { stage: load-images, for: data, when: "data=alpha" }
      more: { stage: load-images, for: data, when: data!=bb }

    """#,
    says: #"""
      folder/main.yaml:5:39: error: 'when': found the integer 3, expected a condition or a list of conditions
       5 |   images: { stage: load-images, when: 3 }
         |                                       ^
        note: a condition is written 'name=value', with one of <= >= != < > =
      folder/main.yaml:6:30: error: nothing is called 'sise'
       6 |   group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
         |                              ^
        note: did you mean 'size'?
      folder/main.yaml:6:38: error: 'size' is no condition
       6 |   group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
         |                                      ^
        note: a condition is written 'name=value', with one of <= >= != < > =
        note: a parameter that is true or false stands alone, as in 'when: ${name}'
      folder/main.yaml:6:46: error: 'data' is an axis that stage 'group' does not expand over
       6 |   group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
         |                                              ^
        note: add 'data' to its 'for'
      folder/main.yaml:6:54: error: 'when' compares 'list', which is a list
       6 |   group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
         |                                                      ^
        note: a condition compares a number, a text, true, false or null
      folder/main.yaml:6:64: error: '<' compares numbers; found 'big' and, as a value of 'size', the integer 1
       6 |   group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
         |                                                                ^
        note: texts can be compared by = and !=
      folder/main.yaml:6:76: error: '>' compares numbers; found '3' and, as a value of 'name', the string 'x'
       6 |   group: { for: size, when: [sise>1, "size", data=a, "list=1", "size<big", "name>3"] }
         |                                                                            ^
        note: texts can be compared by = and !=
      folder/main.yaml:7:48: error: 'when': alpha is no value of axis 'data'
       7 |   some: { stage: load-images, for: data, when: "data=alpha" }
         |                                                ^
        note: its values: a, b
      folder/main.yaml:8:48: error: 'when': bb is no value of axis 'data'
       8 |   more: { stage: load-images, for: data, when: data!=bb }
         |                                                ^
        note: did you mean 'b'?
      """#),
  WrongFile(
    "a plan of nothing",
    #"""
    parameters: { vit: false }
    axes: { size: [1, 2] }
    exclude: { size: [1, 2] }
    stages:
      images: { stage: load-images, for: size, parameters: { folder: "${size}" } }
      some: { stage: load-images, when: "${vit}" }

    """#,
    missing: ["folder/1", "folder/2"],
    says: #"""
      folder/main.yaml:4:1: error: no node is left
       4 | stages:
         | ^
        note: images has 0 of 2 nodes: 'exclude' leaves out 2
        note: some has 0 of 1 nodes: 'when' leaves out 1
      """#),
  WrongFile(
    "two files that leave out different things",
    #"""
    extends: [a.yaml, b.yaml]
    stages:
      images: { stage: load-images }

    """#,
    others: [
      "folder/a.yaml": "axes: {s: 3}\nexclude: {s: 1}\n", "folder/b.yaml": "axes: {t: 3}\nexclude: {t: 1}\n",
    ],
    says: #"""
      folder/b.yaml:2:1: error: 'exclude' is given by two files, neither of which extends the other
       2 | exclude: {t: 1}
         | ^
        note: first given at folder/a.yaml:2:1
      """#),
  WrongFile(
    "an option that breaks a pair",
    #"""
    axes: { rate: [0.1, 0.01], steps: [10, 20] }
    zip: [rate, steps]
    stages:
      images: { stage: load-images }

    """#,
    overrides: ["rate=[1]"],
    says: #"""
      folder/main.yaml:2:13: error: 'zip' pairs 'rate', which has 1 value, with 'steps', which has 2 values
       2 | zip: [rate, steps]
         |             ^
        note: the values are given at --set rate=[1]:1:1 and folder/main.yaml:1:28
      """#),
]
