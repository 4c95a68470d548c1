"""Checks whether anybody receives the alarms' notifications."""

from .aws import Refused, arn, ask

TOPICS = {"picus-alarms": "pages", "picus-tickets": "tickets"}


def subscriptions(topic):
    """A topic's confirmed and unconfirmed subscriptions; None if the topic does not exist."""
    try:
        found = ask("sns", "list-subscriptions-by-topic", TopicArn=arn("sns", topic))["Subscriptions"]
    except Refused as refused:
        if refused.code in ("NotFound", "NotFoundException"):
            return None
        raise
    confirmed = [each for each in found if each["SubscriptionArn"].startswith("arn:")]
    return confirmed, [each for each in found if each["SubscriptionArn"] == "PendingConfirmation"]


def unheard():
    """A line for each topic without a confirmed subscription."""
    lines = []
    for topic, what in TOPICS.items():
        found = subscriptions(topic)
        if found is None:
            lines.append(f"the topic {topic} is not there: {what} reach nobody")
        elif not found[0]:
            asked = ", ".join(each["Endpoint"] for each in found[1])
            why = f"{asked} has not confirmed yet" if asked else "nobody has subscribed"
            lines.append(f"{what} reach nobody: no confirmed subscription of the topic {topic}; {why}")
    return lines
