import sys

sys.path.insert(0, "generated/openapi_generator")
from openapi_client import ApiClient, ApiException, Configuration, ItemsApi
from given import BASE, story

client = ApiClient(Configuration(host=BASE))
api = ItemsApi(client)


class Generated:
    def put(self, item, key=None):
        return str(api.put_item(item, key).object_id)

    def put_text(self, text):
        pool = client.rest_client.pool_manager
        json = {"Content-Type": "application/json"}
        response = pool.request("POST", f"{BASE}/picus/put", body=text.encode(), headers=json)
        assert response.status == 201, response.data
        return response.json()["object_id"]

    def get(self, key):
        return api.get_item(key)

    def get_text(self, key):
        return api.get_item_without_preload_content(key).data

    def page(self, limit, cursor):
        page = api.list_items_with_http_info(limit, cursor)
        return page.data, page.headers.get("link")

    def delete(self, key):
        return api.delete_item(key).message

    def refusal(self, key):
        try:
            api.get_item(key)
        except ApiException as error:
            return error.status, error.data.code
        raise AssertionError("there is such an item")


story("openapi-generator python", Generated())
