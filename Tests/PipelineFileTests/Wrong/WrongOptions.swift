// Wrong `--set` options and odd places, and what is said of them.

let wrongOptions: [WrongFile] = [
  WrongFile(
    "wrong options",
    #"""
    parameters: { label: 1 }
    axes: { size: 2 }
    stages:
      images: { stage: load-images }
      group:
        for: size
        inputs: { images: images }
        parameters: { label: "${label}" }

    """#,
    overrides: [
      "lable=3", "dataset=mnist", "group.sise=3", "grop.size=3", "axes.size=3", "size=[1,", "label",
      "group.size=x",
      "images.dataset=7",
    ],
    says: #"""
      --set lable=3:1:1: error: unknown key 'lable'
       1 | lable=3
         | ^
        note: did you mean 'label'?
      --set dataset=mnist:1:1: error: unknown key 'dataset'
       1 | dataset=mnist
         | ^
        note: did you mean 'images.dataset'?
      --set group.sise=3:1:1: error: unknown key 'group.sise'
       1 | group.sise=3
         | ^
        note: did you mean 'group.size'?
      --set grop.size=3:1:1: error: unknown key 'grop.size'
       1 | grop.size=3
         | ^
        note: did you mean 'group.size'?
      --set axes.size=3:1:1: error: unknown key 'axes.size'
       1 | axes.size=3
         | ^
        note: did you mean 'size'?
      --set size=[1,:1:9: error: this is not YAML: did not find expected node content
       1 | size=[1,
         |         ^
        note: while parsing a flow node that starts at --set size=[1,:1:9
      --set label:1:1: error: expected KEY=VALUE
       1 | label
         | ^
      --set group.size=x:1:12: error: parameter 'size': found the string 'x', expected an integer ≥ 1
       1 | group.size=x
         |            ^
      --set images.dataset=7:1:16: error: parameter 'dataset': found the integer 7, expected one of mnist, fashion-mnist
       1 | images.dataset=7
         |                ^
      """#),
  WrongFile(
    "an option of the wrong type",
    #"""
    parameters: { label: 1 }
    stages:
      images: { stage: load-images }
      group:
        inputs: { images: images }
        parameters: { label: "${label}" }

    """#,
    overrides: ["label=many"],
    says: #"""
      folder/main.yaml:6:26: error: parameter 'label': found the string 'many', expected an integer from 0 to 9
       6 |     parameters: { label: "${label}" }
         |                          ^
        note: '${label}' is given at --set label=many:1:7
      """#),
  WrongFile(
    "columns in characters",
    #"""
    parameters: { 'größe 👩‍👩‍👧': "${x}" }
    stages:
      images: { stage: load-images }

    """#,
    says: #"""
      folder/main.yaml:1:15: error: 'größe 👩‍👩‍👧' can't name a parameter
       1 | parameters: { 'größe 👩‍👩‍👧': "${x}" }
         |               ^
        note: a name is a letter or _, then letters, digits, _ and -; at most 100
      """#),
  WrongFile(
    "a caret under a tab",
    #"""
    stages:
      images: {\#tstage: load-image }

    """#,
    says: #"""
      folder/main.yaml:2:20: error: unknown stage type 'load-image'
       2 |   images: {\#tstage: load-image }
         |            \#t       ^
        note: did you mean 'load-images'?
      """#),
  WrongFile(
    "bare references within a flow map",
    #"""
    stages:
      images: { stage: load-images }
      group: { inputs: { images: images }, parameters: { label: ${lable}, size: ${a} } }

    """#,
    says: #"""
      folder/main.yaml:3:61: error: nothing is called 'lable'
       3 |   group: { inputs: { images: images }, parameters: { label: ${lable}, size: ${a} } }
         |                                                             ^
        note: there are no parameters and axes here
      folder/main.yaml:3:77: error: nothing is called 'a'
       3 |   group: { inputs: { images: images }, parameters: { label: ${lable}, size: ${a} } }
         |                                                                             ^
        note: there are no parameters and axes here
      """#),
  WrongFile(
    "a flow map that never ends, in an option",
    #"""
    stages:
      images: { stage: load-images }

    """#,
    overrides: ["a={"],
    says: #"""
      --set a={:1:4: error: this is not YAML: did not find expected node content
       1 | a={
         |    ^
        note: while parsing a flow node that starts at --set a={:1:4
      """#),
  WrongFile(
    "an option out of reach",
    #"""
    stages:
      images: { stage: load-images }

    """#,
    overrides: ["images.timeout=0", "images.folder=gone"], missing: ["folder/gone"],
    says: #"""
      --set images.timeout=0:1:16: error: 'timeout': found the integer 0, expected a number of seconds > 0
       1 | images.timeout=0
         |                ^
      --set images.folder=gone:1:15: error: can't read the file 'gone': No such file or directory
       1 | images.folder=gone
         |               ^
      """#),
  WrongFile(
    "options for cases",
    #"""
    defaults: { label: 1 }
    stages:
      images: { stage: load-images }
      group: { cases: { small: { size: 1 }, large: {} } }

    """#,
    overrides: ["group[small].sise=3", "group[smal].size=3", "group[small]=3"],
    says: #"""
      --set group[small].sise=3:1:1: error: unknown key 'group[small].sise'
       1 | group[small].sise=3
         | ^
        note: did you mean 'group[small].size'?
      --set group[smal].size=3:1:1: error: unknown key 'group[smal].size'
       1 | group[smal].size=3
         | ^
        note: did you mean 'group[small].size'?
      --set group[small]=3:1:1: error: unknown key 'group[small]'
       1 | group[small]=3
         | ^
        note: keys: label
      """#),
]
