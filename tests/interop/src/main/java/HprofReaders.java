// SPDX-License-Identifier: MIT
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.netbeans.lib.profiler.heap.GCRoot;
import org.netbeans.lib.profiler.heap.Heap;
import org.netbeans.lib.profiler.heap.HeapFactory;
import org.netbeans.lib.profiler.heap.Instance;
import org.netbeans.lib.profiler.heap.JavaClass;
import org.netbeans.lib.profiler.heap.JavaFrameGCRoot;
import org.netbeans.lib.profiler.heap.PrimitiveArrayInstance;
import org.netbeans.lib.profiler.heap.ThreadObjectGCRoot;

import shark.GcRoot;
import shark.HeapGraph;
import shark.HeapObject;
import shark.HprofHeapGraph;
import shark.ObjectDominators;

/**
 * Says what a reader sees in a Java heap dump, in the words of hprof-check, so that the two can be compared:
 * java HprofReaders visualvm|shark FILE.
 */
public final class HprofReaders {
    private static final java.io.PrintStream OUT =
        new java.io.PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, StandardCharsets.UTF_8);

    private static final class Sums {
        long count, bytes;
    }

    private static void add(Map<String, Sums> sums, String name, long count, long bytes) {
        Sums s = sums.computeIfAbsent(name, k -> new Sums());
        s.count += count;
        s.bytes += bytes;
    }

    private static void print(String what, Map<String, Sums> sums) {
        for (Map.Entry<String, Sums> e : sums.entrySet()) {
            if (e.getValue().count > 0) {
                OUT.println(what + "\t" + e.getKey() + "\t" + e.getValue().count + "\t" + e.getValue().bytes);
            }
        }
    }

    // ---- the heap library of VisualVM ----

    private static String text(Object value) {
        if (!(value instanceof Instance)) {
            return "";
        }
        Instance string = (Instance) value;
        Object bytes = string.getValueOfField("value");
        if (!(bytes instanceof PrimitiveArrayInstance)) {
            return "";
        }
        List<?> values = ((PrimitiveArrayInstance) bytes).getValues();
        byte[] b = new byte[values.size()];
        for (int i = 0; i < b.length; i++) {
            b[i] = Byte.parseByte((String) values.get(i));
        }
        return new String(b, StandardCharsets.UTF_8);
    }

    private static void visualvm(File file) throws Exception {
        Heap heap = HeapFactory.createHeap(file);
        Map<String, Sums> classes = new TreeMap<>();
        for (Object o : heap.getAllClasses()) {
            JavaClass c = (JavaClass) o;
            add(classes, c.getName(), c.getInstancesCount(), c.getAllInstancesSize());
        }
        print("class", classes);
        long walked = 0;
        long bytes = 0;
        for (java.util.Iterator<?> it = heap.getAllInstancesIterator(); it.hasNext();) {
            Instance i = (Instance) it.next();
            walked++;
            bytes += i.getSize();
        }
        OUT.println("total\t" + walked + "\t" + bytes + "\t" + heap.getSummary().getTotalLiveInstances());
        roots(heap);
        for (Object o : heap.getBiggestObjectsByRetainedSize(20)) {
            Instance i = (Instance) o;
            OUT.println("retained\t0x" + Long.toHexString(i.getInstanceId()) + "\t" + i.getRetainedSize() + "\t"
                + i.getJavaClass().getName() + "\t" + (i.getNearestGCRootPointer() == null ? "no path" : "path"));
        }
    }

    private static void roots(Heap heap) {
        Map<String, Sums> kinds = new TreeMap<>();
        Map<Object, Integer> locals = new java.util.HashMap<>();
        List<ThreadObjectGCRoot> threads = new ArrayList<>();
        for (Object o : heap.getGCRoots()) {
            GCRoot r = (GCRoot) o;
            add(kinds, r.getKind(), 1, 0);
            if (r instanceof JavaFrameGCRoot) {
                locals.merge(((JavaFrameGCRoot) r).getThreadGCRoot(), 1, Integer::sum);
            }
            if (r instanceof ThreadObjectGCRoot) {
                threads.add((ThreadObjectGCRoot) r);
            }
        }
        print("root", kinds);
        for (ThreadObjectGCRoot t : threads) {
            Instance i = t.getInstance();
            boolean fields = i.getValueOfField("daemon") instanceof Boolean && i.getValueOfField("tid") instanceof Long
                && i.getValueOfField("priority") instanceof Integer && i.getValueOfField("threadStatus") instanceof Integer;
            OUT.println("thread\t0x" + Long.toHexString(i.getInstanceId()) + "\t" + text(i.getValueOfField("name")) + "\t"
                + locals.getOrDefault(t, 0) + (fields ? "" : "\tfields missing"));
            int k = 0;
            for (StackTraceElement e : t.getStackTrace()) {
                OUT.println("frame\t0x" + Long.toHexString(i.getInstanceId()) + "\t" + k++ + "\t" + e.getClassName() + "."
                    + e.getMethodName() + "\t" + e.getFileName() + ":" + e.getLineNumber());
            }
        }
    }

    // ---- shark ----

    private static void shark(File file) {
        HeapGraph graph = HprofHeapGraph.Companion.openHeapGraph(file, null,
            new java.util.HashSet<>(java.util.Arrays.asList(shark.HprofRecordTag.values())));
        Map<String, Sums> classes = new TreeMap<>();
        int strings = 0;
        for (HeapObject o : iterable(graph.getObjects().iterator())) {
            if (o instanceof HeapObject.HeapInstance) {
                HeapObject.HeapInstance i = (HeapObject.HeapInstance) o;
                add(classes, i.getInstanceClassName(), 1, i.getByteSize());
                if (i.getInstanceClassName().equals("java.lang.String") && i.readAsJavaString() != null) {
                    strings++;
                }
                kotlin.sequences.Sequence<shark.HeapField> fields = i.readFields();
                for (shark.HeapField f : iterable(fields.iterator())) {
                    f.getValue().getAsObject();
                }
            } else if (o instanceof HeapObject.HeapObjectArray) {
                add(classes, ((HeapObject.HeapObjectArray) o).getArrayClassName(), 1, ((HeapObject.HeapObjectArray) o).getByteSize());
            } else if (o instanceof HeapObject.HeapPrimitiveArray) {
                add(classes, ((HeapObject.HeapPrimitiveArray) o).getArrayClassName(), 1,
                    ((HeapObject.HeapPrimitiveArray) o).getByteSize());
            }
        }
        print("class", classes);
        OUT.println("strings\t" + strings);
        Map<String, Sums> kinds = new TreeMap<>();
        for (GcRoot r : graph.getGcRoots()) {
            add(kinds, r.getClass().getSimpleName(), 1, 0);
        }
        print("root", kinds);
        Map<Long, ObjectDominators.OfflineDominatorNode> tree =
            new ObjectDominators().buildOfflineDominatorTree(graph, Collections.emptyList());
        List<Map.Entry<Long, ObjectDominators.OfflineDominatorNode>> nodes = new ArrayList<>(tree.entrySet());
        nodes.sort((a, b) -> Long.compare(b.getValue().getNode().getRetainedSize(), a.getValue().getNode().getRetainedSize()));
        for (Map.Entry<Long, ObjectDominators.OfflineDominatorNode> e : nodes.subList(0, Math.min(20, nodes.size()))) {
            OUT.println("retained\t0x" + Long.toHexString(e.getKey()) + "\t" + e.getValue().getNode().getRetainedSize() + "\t"
                + e.getValue().getName());
        }
    }

    private static <T> Iterable<T> iterable(java.util.Iterator<T> it) {
        return () -> it;
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.err.println("usage: HprofReaders visualvm|shark FILE");
            System.exit(2);
        }
        if (args[0].equals("visualvm")) {
            visualvm(new File(args[1]));
        } else {
            shark(new File(args[1]));
        }
        OUT.flush();
    }
}
