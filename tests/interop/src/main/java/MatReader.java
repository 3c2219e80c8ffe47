// SPDX-License-Identifier: MIT
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.eclipse.mat.SnapshotException;
import org.eclipse.mat.parser.internal.SnapshotFactory;
import org.eclipse.mat.snapshot.ISnapshot;
import org.eclipse.mat.snapshot.model.GCRootInfo;
import org.eclipse.mat.snapshot.model.IClass;
import org.eclipse.mat.snapshot.model.IObject;
import org.eclipse.mat.snapshot.model.IPrimitiveArray;
import org.eclipse.mat.snapshot.model.IStackFrame;
import org.eclipse.mat.snapshot.model.IThreadStack;
import org.eclipse.mat.snapshot.model.NamedReference;
import org.eclipse.mat.util.VoidProgressListener;

/**
 * Says what Eclipse MAT sees in a Java heap dump, in the words of hprof-check: java MatReader FILE [SIZES|--screens]. Its
 * parser, its removal of unreachable objects and its dominator tree, as repackaged without a user interface by Square's HAHA (MAT 1.4).
 * SIZES: lines of an address and the bytes of the Go object there; what objects retain is then counted in these bytes too.
 */
public final class MatReader {
    private static final PrintStream OUT =
        new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);
    private static final int TOP = 50;

    private final ISnapshot snapshot;
    private final Map<Long, Long> sizes = new HashMap<>();

    private MatReader(File file) throws SnapshotException {
        // What MAT would put into its error log.
        snapshot = new SnapshotFactory().openSnapshot(file, new HashMap<>(), new VoidProgressListener() {
            @Override
            public void sendUserMessage(Severity severity, String message, Throwable t) {
                OUT.println("message\t" + severity + "\t" + message + (t == null ? "" : "\t" + t));
            }
        });
    }

    private void classes() throws SnapshotException {
        Map<String, long[]> sums = new TreeMap<>();
        for (IClass c : snapshot.getClasses()) {
            long[] s = sums.computeIfAbsent(c.getName(), k -> new long[2]);
            for (int id : c.getObjectIds()) {
                s[0]++;
                s[1] += snapshot.getHeapSize(id);
            }
        }
        for (Map.Entry<String, long[]> e : sums.entrySet()) {
            if (e.getValue()[0] > 0) {
                OUT.println("class\t" + e.getKey() + "\t" + e.getValue()[0] + "\t" + e.getValue()[1]);
            }
        }
        OUT.println("total\t" + snapshot.getSnapshotInfo().getNumberOfObjects() + "\t" + snapshot.getSnapshotInfo().getUsedHeapSize());
    }

    private void roots() throws SnapshotException {
        Map<String, Integer> kinds = new TreeMap<>();
        for (int id : snapshot.getGCRoots()) {
            for (GCRootInfo r : snapshot.getGCRootInfo(id)) {
                kinds.merge(GCRootInfo.getTypeAsString(r.getType()), 1, Integer::sum);
            }
            IThreadStack stack = snapshot.getThreadStack(id);
            if (stack == null) {
                continue;
            }
            String address = "0x" + Long.toHexString(snapshot.mapIdToAddress(id));
            OUT.println("thread\t" + address + "\t" + text(snapshot.getObject(id).resolveValue("name")));
            int k = 0;
            for (IStackFrame f : stack.getStackFrames()) {
                OUT.println("frame\t" + address + "\t" + k++ + "\t" + f.getText() + "\t" + f.getLocalObjectsIds().length);
            }
        }
        for (Map.Entry<String, Integer> e : kinds.entrySet()) {
            OUT.println("root\t" + e.getKey() + "\t" + e.getValue());
        }
    }

    /** A string's text; this MAT is older than strings of bytes (Java 9), of which newer ones print the same. */
    private static String text(Object string) throws SnapshotException {
        IPrimitiveArray value = (IPrimitiveArray) ((IObject) string).resolveValue("value");
        int offset = (Integer) ((IObject) string).resolveValue("offset");
        byte[] bytes = (byte[]) value.getValueArray(offset, (Integer) ((IObject) string).resolveValue("count"));
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Every object with its fields, its text, and everything that it refers to. */
    private void walk() throws SnapshotException {
        long objects = 0;
        long references = 0;
        long broken = 0;
        for (IClass c : snapshot.getClasses()) {
            for (int id : c.getObjectIds()) {
                IObject o = snapshot.getObject(id);
                o.getClassSpecificName();
                objects++;
                for (NamedReference r : o.getOutboundReferences()) {
                    references++;
                    try {
                        r.getObject();
                    } catch (SnapshotException e) {
                        broken++;
                        OUT.println("broken\t" + o.getTechnicalName() + "\t" + r.getName());
                    }
                }
            }
        }
        OUT.println("walked\t" + objects + "\t" + references + "\t" + broken);
    }

    /** The biggest objects of the dominator tree, with the sums of SIZES over what they dominate. */
    private void retained() throws SnapshotException {
        int n = snapshot.getSnapshotInfo().getNumberOfObjects();
        long[] bytes = new long[n];
        List<Integer> order = new ArrayList<>();
        for (int id : snapshot.getImmediateDominatedIds(-1)) {
            order.add(id);
        }
        for (int i = 0; i < order.size(); i++) {
            for (int id : snapshot.getImmediateDominatedIds(order.get(i))) {
                order.add(id);
            }
        }
        for (int i = order.size(); i-- > 0;) {
            int id = order.get(i);
            bytes[id] += sizes.getOrDefault(snapshot.mapIdToAddress(id), 0L);
            int dominator = snapshot.getImmediateDominatorId(id);
            if (dominator >= 0) {
                bytes[dominator] += bytes[id];
            }
        }
        Integer[] ids = order.toArray(new Integer[0]);
        Arrays.sort(ids, (a, b) -> Long.compare(bytes[b], bytes[a]));
        int shown = 0;
        for (int i = 0; i < ids.length && shown < TOP; i++) {
            long address = snapshot.mapIdToAddress(ids[i]);
            if (sizes.isEmpty() || sizes.containsKey(address)) {
                OUT.println("retained\t0x" + Long.toHexString(address) + "\t" + snapshot.getRetainedHeapSize(ids[i]) + "\t"
                    + bytes[ids[i]] + "\t" + snapshot.getClassOf(ids[i]).getName());
                shown++;
            }
        }
        OUT.println("dominated\t" + order.size() + "\t" + n);
    }

    // ---- what a person sees ----

    /** What keeps the most, as MAT's dominator tree shows it, opened down to where it spreads. */
    private void dominatorTree(int top, int depth) throws SnapshotException {
        OUT.println("Retained heap  Shallow  Class name");
        int[] level = biggest(-1);
        long total = snapshot.getSnapshotInfo().getUsedHeapSize();
        for (int i = 0; i < Math.min(top, level.length); i++) {
            int at = level[i];
            for (int d = 0; d < depth; d++) {
                IObject o = snapshot.getObject(at);
                long retained = o.getRetainedHeapSize();
                OUT.printf("%,10d %4.1f%% %,7d  %s%s%n", retained, 100.0 * retained / total, o.getUsedHeapSize(), "  ".repeat(d),
                    o.getTechnicalName());
                int[] below = biggest(at);
                if (below.length == 0 || snapshot.getRetainedHeapSize(below[0]) < total / 100) {
                    break;
                }
                at = below[0];
            }
        }
    }

    private int[] biggest(int id) throws SnapshotException {
        int[] ids = snapshot.getImmediateDominatedIds(id);
        Integer[] sorted = Arrays.stream(ids).boxed().toArray(Integer[]::new);
        Arrays.sort(sorted, (a, b) -> Long.compare(retainedBy(b), retainedBy(a)));
        return Arrays.stream(sorted).mapToInt(i -> i).toArray();
    }

    private long retainedBy(int id) {
        try {
            return snapshot.getRetainedHeapSize(id);
        } catch (SnapshotException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Threads with their frames, and what lies in these. */
    private void threadOverview(int frames) throws SnapshotException {
        for (int id : snapshot.getGCRoots()) {
            IThreadStack stack = snapshot.getThreadStack(id);
            if (stack == null) {
                continue;
            }
            OUT.printf("%s  retains %,d%n", text(snapshot.getObject(id).resolveValue("name")), snapshot.getRetainedHeapSize(id));
            int k = 0;
            for (IStackFrame f : stack.getStackFrames()) {
                if (k++ >= frames) {
                    break;
                }
                OUT.println("  " + f.getText());
                for (int local : f.getLocalObjectsIds()) {
                    OUT.println("    " + snapshot.getObject(local).getTechnicalName());
                }
            }
        }
    }

    private void readSizes(String path) throws IOException {
        for (String line : Files.readAllLines(Paths.get(path))) {
            String[] words = line.split(" ");
            sizes.put(Long.decode(words[0]), Long.valueOf(words[1]));
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length < 1 || args.length > 2) {
            System.err.println("usage: MatReader FILE [SIZES|--screens]");
            System.exit(2);
        }
        MatReader mat = new MatReader(new File(args[0]));
        if (args.length == 2 && args[1].equals("--screens")) {
            mat.dominatorTree(8, 8);
            OUT.println();
            mat.threadOverview(16);
            OUT.flush();
            return;
        }
        if (args.length == 2) {
            mat.readSizes(args[1]);
        }
        mat.classes();
        mat.roots();
        mat.walk();
        mat.retained();
        OUT.flush();
    }
}
