package clients;

import com.google.gson.Gson;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.JSON;
import org.openapitools.client.api.ItemsApi;
import org.openapitools.client.model.Code;
import org.openapitools.client.model.ErrorBody;

/** The story that every client has to make work. */
class Driver {
    public static void main(String[] arguments) throws Exception {
        // Gson as it is makes a double of each number and leaves out what is null.
        Gson exact = JSON.getGson().newBuilder()
            .setObjectToNumberStrategy(ToNumberPolicy.BIG_DECIMAL)
            .serializeNulls()
            .create();
        JSON.setGson(exact);
        ItemsApi api = new ItemsApi(new ApiClient().setBasePath(System.getenv("PICUS")));

        Map<String, Object> item = exact.fromJson(Files.readString(Path.of("../item.json")), new TypeToken<>() {});
        String key = "java-" + System.nanoTime();
        String id = api.putItem(item, key).getObjectId().toString();
        require(api.putItem(item, key).getObjectId().toString().equals(id), "the same put again is the same item");
        Map<String, Object> stored = new HashMap<>(item);
        stored.put("object_id", id);
        Map<String, Object> got = api.getItem(id, null, null);
        require(got.equals(stored), got + " is " + stored);

        List<String> ids = new ArrayList<>(List.of(id));
        for (int n : List.of(2, 3)) {
            ids.add(api.putItem(Map.of("n", n), null).getObjectId().toString());
        }
        List<Object> listed = new ArrayList<>();
        int pages = 0;
        String next = null;
        do {
            var page = api.listItemsWithHttpInfo(2, next);
            page.getData().forEach(found -> listed.add(found.get("object_id")));
            next = cursor(page.getHeaders().get("link"));
            pages++;
        } while (next != null);
        require(pages >= 2, "the list has two pages");
        require(listed.containsAll(ids), listed + " has " + ids);

        for (String each : ids) {
            require(api.deleteItem(each, null, null).getMessage().contains("deleted successfully"), "it is deleted");
        }
        try {
            api.getItem(id, null, null);
            throw new AssertionError("there is still such an item");
        } catch (ApiException refused) {
            ErrorBody failure = ErrorBody.fromJson(refused.getResponseBody());
            require(refused.getCode() == 404 && failure.getCode() == Code.ITEM_NOT_FOUND, failure.toString());
        }
        System.out.println("openapi-generator java: works");
    }

    /** The cursor of a {@code Link: </picus/list?limit=2&cursor=…>; rel="next"}. */
    private static String cursor(List<String> link) {
        if (link == null) return null;
        var next = Pattern.compile("<([^>]*)>; *rel=\"next\"").matcher(link.get(0));
        if (!next.find()) return null;
        for (String parameter : URI.create(next.group(1)).getRawQuery().split("&")) {
            if (parameter.startsWith("cursor=")) {
                return URLDecoder.decode(parameter.substring(7), StandardCharsets.UTF_8);
            }
        }
        return null;
    }

    private static void require(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }
}
