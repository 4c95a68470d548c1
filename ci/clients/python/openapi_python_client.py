from generated.openapi_python_client import Client
from generated.openapi_python_client.api.items import delete_item, get_item, list_items, put_item
from generated.openapi_python_client.models import ErrorBody, NewItem
from generated.openapi_python_client.types import UNSET
from given import BASE, story

client = Client(base_url=BASE)


class Generated:
    def put(self, item, key=UNSET):
        return str(put_item.sync(client=client, body=NewItem.from_dict(item), idempotency_key=key).object_id)

    def put_text(self, text):
        json = {"Content-Type": "application/json"}
        response = client.get_httpx_client().post("/picus/put", content=text.encode(), headers=json)
        return response.raise_for_status().json()["object_id"]

    def get(self, key):
        return get_item.sync(key, client=client).to_dict()

    def get_text(self, key):
        return get_item.sync_detailed(key, client=client).content

    def page(self, limit, cursor):
        page = list_items.sync_detailed(client=client, limit=limit, cursor=cursor or UNSET)
        return page.parsed, page.headers.get("link")

    def delete(self, key):
        return delete_item.sync(key, client=client).message

    def refusal(self, key):
        answer = get_item.sync_detailed(key, client=client)
        assert isinstance(answer.parsed, ErrorBody)
        return answer.status_code, answer.parsed.code


story("openapi-python-client", Generated())
