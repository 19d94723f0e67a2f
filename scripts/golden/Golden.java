/* Random messages, encoded by Apache Kafka's own classes: the golden bytes of tests/golden.
 *
 * Arguments: seed, how many of each. On standard input, lines "FetchRequest 0 18": a message and the
 * versions wanted. On standard output, lines "FetchRequest 12 00ff…" for the versions that the
 * release on the class path has; the others are left to another release.
 *
 * The schema of the version says which fields there are and which may be null; the fields of the
 * message object are set by reflection. Whether a structure or records may
 * be null is found out by trying. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.MemoryRecords;

public class Golden {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.common.metadata.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.share.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "kafka.internals.generated.",
    };
    private static final int LONG_ARRAY = 130; // a compact length of two bytes
    private static final int LONG_TEXT = 300;

    /** How generous one instance is: empty, usual, or with a long array and long texts. */
    private enum Size { EMPTY, USUAL, LONG }

    private final Random random;
    private Size size;
    private boolean longDone; // one long array a message is enough

    private Golden(long seed) {
        random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        long seed = Long.parseLong(args[0]);
        int count = Integer.parseInt(args[1]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            Class<?> type = find(words[0]);
            if (type == null) {
                continue;
            }
            for (int v = Integer.parseInt(words[1]); v <= Integer.parseInt(words[2]); v++) {
                Schema schema = schemaOf(type, words[0], v);
                if (schema != null) {
                    Golden golden = new Golden(seed + words[0].hashCode() * 31L + v);
                    golden.print(type, words[0], v, schema, count);
                }
            }
        }
        System.out.flush();
    }

    private static Class<?> find(String name) {
        for (String prefix : PACKAGES) {
            for (String suffix : new String[] {"Data", ""}) {
                try {
                    return Class.forName(prefix + name + suffix);
                } catch (ClassNotFoundException e) {
                    // the next one
                }
            }
        }
        return null;
    }

    /** Keys of records: newer releases count their versions from 0, the bytes are the same. */
    private static int versionIn(Schema[] schemas, String name, int version) {
        boolean renumbered = name.endsWith("Key") && version >= schemas.length;
        return renumbered ? schemas.length - 1 : version;
    }

    private static Schema schemaOf(Class<?> type, String name, int version) throws Exception {
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        int at = versionIn(schemas, name, version);
        return at < schemas.length ? schemas[at] : null;
    }

    private void print(Class<?> type, String name, int version, Schema schema, int count)
            throws Exception {
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        short own = (short) versionIn(schemas, name, version);
        for (int i = 0; i < count; i++) {
            size = i == 0 ? Size.EMPTY : i == count - 1 ? Size.LONG : Size.USUAL;
            longDone = false;
            Message message = draw(type, schema, own);
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer out = ByteBuffer.allocate(message.size(cache, own));
            message.write(new ByteBufferAccessor(out), cache, own);
            out.flip();
            byte[] bytes = new byte[out.remaining()];
            out.get(bytes);
            System.out.println(name + " " + version + " " + HexFormat.of().formatHex(bytes));
        }
    }

    private Message draw(Class<?> type, Schema schema, short version) throws Exception {
        Message message = (Message) type.getConstructor().newInstance();
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields) {
                for (Field field : tagged((TaggedFields) bound.def.type)) {
                    if (random.nextBoolean()) { // else it keeps its default and is not written
                        set(message, field.name, field.type, version);
                    }
                }
            } else {
                set(message, bound.def.name, bound.def.type, version);
            }
        }
        return message;
    }

    /** Older releases have no accessor. */
    @SuppressWarnings("unchecked")
    private static Collection<Field> tagged(TaggedFields type) throws Exception {
        java.lang.reflect.Field fields = TaggedFields.class.getDeclaredField("fields");
        fields.setAccessible(true);
        return ((Map<Integer, Field>) fields.get(type)).values();
    }

    private void set(Message message, String name, Type type, short version) throws Exception {
        java.lang.reflect.Field field = member(message.getClass(), name);
        field.setAccessible(true);
        boolean unsure = type instanceof Schema || type.toString().endsWith("RECORDS");
        boolean nullable =
                unsure ? mayBeNull(message.getClass(), field, version) : type.isNullable();
        if (nullable && random.nextInt(3) == 0) {
            field.set(message, null);
        } else if (type.isArray()) {
            field.set(message, array(field, type.arrayElementType().get(), version));
        } else {
            field.set(message, value(field.getType(), type, version));
        }
    }

    /** Schemas spell names with underscores. */
    private static java.lang.reflect.Field member(Class<?> type, String name) {
        for (java.lang.reflect.Field field : type.getDeclaredFields()) {
            if (field.getName().equalsIgnoreCase(name.replace("_", ""))) {
                return field;
            }
        }
        throw new IllegalStateException(type + " has no " + name);
    }

    private static boolean mayBeNull(Class<?> owner, java.lang.reflect.Field field, short version)
            throws Exception {
        Message empty = (Message) owner.getConstructor().newInstance();
        field.set(empty, null);
        try {
            empty.size(new ObjectSerializationCache(), version);
            return true;
        } catch (NullPointerException e) {
            return false;
        }
    }

    @SuppressWarnings("unchecked")
    private Object array(java.lang.reflect.Field field, Type element, short version)
            throws Exception {
        boolean isList = field.getType() == List.class;
        Object container =
                isList ? new ArrayList<Object>() : field.getType().getConstructor().newInstance();
        ParameterizedType generic = (ParameterizedType)
                (isList ? field.getGenericType() : field.getType().getGenericSuperclass());
        java.lang.reflect.Type argument = generic.getActualTypeArguments()[0];
        int count = size == Size.EMPTY ? 0 : random.nextInt(4);
        boolean isLong = size == Size.LONG && !longDone;
        if (isLong) {
            longDone = true;
            count = LONG_ARRAY;
        }
        Object last = null;
        for (int i = 0; i < count; i++) {
            boolean repeat = isLong && isList && i % 16 != 0; // long, not large
            last = repeat ? last : element.isArray() ? nested(element, version)
                                                     : value((Class<?>) argument, element, version);
            ((Collection<Object>) container).add(last);
        }
        return container;
    }

    /** An array in an array: of numbers only. */
    private List<Object> nested(Type type, short version) throws Exception {
        List<Object> items = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            items.add(value(null, type.arrayElementType().get(), version));
        }
        return items;
    }

    private Object value(Class<?> target, Type type, short version) throws Exception {
        if (type instanceof Schema) {
            return draw(target, (Schema) type, version);
        }
        long number = number();
        String kind = type.toString();
        switch (kind) {
            case "BOOLEAN":
                return random.nextBoolean();
            case "INT8":
                return (byte) number;
            case "INT16":
                return (short) number;
            case "UINT16":
                return (int) (number & 0xffff);
            case "INT32":
                return (int) number;
            case "INT64":
                return number;
            case "FLOAT64":
                return number / 7.0;
            case "UUID":
                return new Uuid(random.nextLong(), random.nextLong());
            case "RECORDS":
            case "COMPACT_RECORDS":
                return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
            default:
                if (kind.endsWith("STRING")) {
                    return text();
                }
                if (kind.endsWith("BYTES")) {
                    return target == ByteBuffer.class ? ByteBuffer.wrap(bytes()) : bytes();
                }
                throw new IllegalStateException("a type this script does not know: " + kind);
        }
    }

    private long number() {
        switch (random.nextInt(6)) {
            case 0:
                return 0;
            case 1:
                return -1;
            case 2:
                return Long.MAX_VALUE;
            case 3:
                return Long.MIN_VALUE;
            default:
                return random.nextLong() >> random.nextInt(64);
        }
    }

    private int length() {
        if (size == Size.EMPTY) {
            return 0;
        }
        return size == Size.LONG && random.nextInt(8) == 0 ? LONG_TEXT : random.nextInt(12);
    }

    private String text() {
        String letters = "aé漢😀"; // of one to four bytes
        int first = random.nextInt(3) == 0 ? letters.codePointAt(random.nextInt(3)) : 'a';
        return new StringBuilder().appendCodePoint(first).toString().repeat(length());
    }

    private byte[] bytes() {
        byte[] filled = new byte[length()];
        java.util.Arrays.fill(filled, (byte) random.nextInt(256));
        return filled;
    }
}
