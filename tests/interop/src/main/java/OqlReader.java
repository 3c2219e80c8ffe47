// SPDX-License-Identifier: MIT
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.logging.LogManager;

import org.netbeans.lib.profiler.heap.HeapFactory;
import org.netbeans.modules.profiler.oql.engine.api.OQLEngine;

/** Runs a query with the engine of VisualVM's OQL console: java OqlReader FILE, the query on standard input. */
public final class OqlReader {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
        LogManager.getLogManager().reset();
        OQLEngine engine = new OQLEngine(HeapFactory.createHeap(new File(args[0])));
        String query = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        engine.executeQuery(query, row -> {
            Object value = engine.unwrapJavaObject(row, true);
            out.println(value == null ? row : value);
            return false;
        });
        out.flush();
    }
}
