"""Which deaths explain that a node was started again: what campaigns under kills are held to."""
import collections
import json
import re

# Writes who starts a node: its name, the worker and the pilot, as process numbers.
NOTE = "read -r _ _ _ pilot _ < /proc/$PPID/stat; echo $0 $PPID $pilot >> FOLDER/starts;"


class Deaths:
    """The starts of one campaign's nodes, and the processes that died meanwhile.

    A node whose worker is killed must be started once more, as often as that happens: no bound on its starts holds. What does
    hold: a result that was published is never made again, and each start but a node's last was cut off by a death.
    """

    def __init__(self, lab):
        self.lab, self.log = lab, lab.folder / "starts"
        # The run whose results are expected has written there, too.
        self.log.unlink(missing_ok=True)
        self.dead = set()
        self.published = []

    def note(self, *processes):
        """Processes that are about to be struck; and what is published by now is not to be started any more."""
        self.dead.update(processes)
        names = self.names()
        self.published.append((len(self.lines()), names))

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def pilots(self):
        """The pilots that have started a node."""
        return {int(line.split()[2]) for line in self.lines()}

    def names(self):
        """The nodes that have been published, as their commands call them."""
        names = set()
        for record in (self.lab.cache / "actions").glob("*/*"):
            name = next(line.split(" ", 1)[1] for line in record.read_text().splitlines() if line.startswith("node "))
            names.add(re.sub(r"\[i=(\d+)\]", r"\1", name))
        return names

    def check(self, where="", with_programs=False):
        """Returns how many starts there were beyond one a node, and the most of one node.

        With programs: whoever strikes a pilot signals the nodes' programs, too, as SLURM does; then a worker may start a node
        anew whose program a signal has ended.
        """
        lines = self.lines()
        starts = collections.defaultdict(list)
        for line in lines:
            node, worker, pilot = line.split()
            starts[node].append((int(worker), int(pilot)))
        for count, names in self.published:
            again = [line for line in lines[count:] if line.split()[0] in names]
            assert not again, f"{where}: started after they were published: {again}"
        for node, who in starts.items():
            for worker, pilot in who[:-1]:
                # A worker whose pilot has just died belongs to process 1.
                assert {worker, pilot} & (self.dead | {1}), f"{where}: {node} was started {who}, and {pilot} had lived"
            once = {each for each in who if with_programs and each[1] in self.dead} | {each for each in who if who.count(each) == 1}
            assert set(who) == once, f"{where}: {node} was started twice by one worker: {who}"
        assert len(starts) == self.lab.nodes, f"{where}: {self.lab.nodes - len(starts)} nodes were never started"
        ran = collections.Counter(
            event["key"] for run in (self.lab.cache / "runs").glob("*.jsonl")
            for event in map(json.loads, run.read_text().splitlines()) if event["event"] == "ran")
        assert set(ran.values()) <= {1}, f"{where}: published twice: {ran.most_common(3)}"
        counts = [len(who) for who in starts.values()]
        return sum(counts) - len(counts), max(counts)

