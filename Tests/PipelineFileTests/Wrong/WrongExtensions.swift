// Files that extend or read others wrongly, and what is said of them.

let wrongExtensions: [WrongFile] = [
  WrongFile(
    "an external file",
    #"""
    stages:
      a: { stage: command, parameters: { argv: [a], files: [here, ../there] } }
      b:
        stage: command
        parameters:
          argv: [a]
          files:
            - gone
      c: { stage: load-images, parameters: { folder: ../data } }

    """#,
    missing: ["folder/gone"],
    says: #"""
      folder/main.yaml:2:63: error: the file '../there' lies outside of the folder of the pipeline file
       2 |   a: { stage: command, parameters: { argv: [a], files: [here, ../there] } }
         |                                                               ^
        note: command reads files by paths relative to that folder, without leaving it
      folder/main.yaml:8:11: error: can't read the file 'gone': No such file or directory
       8 |         - gone
         |           ^
      """#),
  WrongFile(
    "extends without a file",
    #"""
    extends: base.yaml

    """#,
    says: #"""
      folder/main.yaml:1:10: error: can't read 'folder/base.yaml': No such file or directory
       1 | extends: base.yaml
         |          ^
      """#),
  WrongFile(
    "extends out of the folder",
    #"""
    extends: ../base.yaml

    """#,
    says: #"""
      folder/main.yaml:1:10: error: 'extends: ../base.yaml' leads out of the folder of the pipelines
       1 | extends: ../base.yaml
         |          ^
        note: a file extends those in the folder 'pipelines' in which it stands, or else in its own folder
      """#),
  WrongFile(
    "a cycle of extends",
    #"""
    extends: base.yaml

    """#,
    others: ["folder/base.yaml": "extends: ./main.yaml\n"],
    says: #"""
      folder/base.yaml:1:10: error: cycle of 'extends': folder/main.yaml → folder/base.yaml → folder/main.yaml
       1 | extends: ./main.yaml
         |          ^
      """#),
  WrongFile(
    "errors where they are written",
    #"""
    extends: base.yaml
    stages:
      group: { parameters: { label: 10 } }
      base: null

    """#,
    others: [
      "folder/base.yaml":
        "stages:\n  images: { stage: load-images }\n  group:\n    inputs: { images: images }\n    parameters: { labe: 3, label: 1 }\n"
    ],
    says: #"""
      folder/main.yaml:3:33: error: parameter 'label': found the integer 10, expected an integer from 0 to 9
       3 |   group: { parameters: { label: 10 } }
         |                                 ^
      folder/main.yaml:4:3: error: there is no stage 'base' to remove
       4 |   base: null
         |   ^
        note: stages: images, group
      folder/base.yaml:5:19: error: group has no parameter 'labe'
       5 |     parameters: { labe: 3, label: 1 }
         |                   ^
        note: did you mean 'label'?
      """#),
  WrongFile(
    "fragments that contradict each other",
    #"""
    extends: [a.yaml, b.yaml]
    stages:
      group: { cases: { z: null } }

    """#,
    others: [
      "folder/a.yaml":
        "defaults: { label: 1 }\nstages: { images: { stage: load-images }, group: { parameters: { size: 2 } } }\n",
      "folder/b.yaml": "defaults: { label: 1 }\nstages: { group: { parameters: { size: 3 } } }\n",
    ],
    says: #"""
      folder/main.yaml:3:21: error: there is no case 'z' of stage 'group' to remove
       3 |   group: { cases: { z: null } }
         |                     ^
        note: there are no cases here
      folder/b.yaml:1:13: error: default 'label' is given by two files, neither of which extends the other
       1 | defaults: { label: 1 }
         |             ^
        note: first given at folder/a.yaml:1:13
      folder/b.yaml:2:34: error: parameter 'size' of stage 'group' is given by two files, neither of which extends the other
       2 | stages: { group: { parameters: { size: 3 } } }
         |                                  ^
        note: first given at folder/a.yaml:2:66
      """#),
]
