# SPDX-License-Identifier: Apache-2.0
"""Frames of every size up to 9000 bytes in the shapes that testpmd can give them, and huge pages."""
from weft_e2e import RING, HugePages, Ledger, Pair, Testpmd, Weftd, equal, mac, ports, run, wait_equal

JUMBO = 14 + 9000  # with its Ethernet header
ONE_BUFFER = ["--mbuf-size=10240", f"--max-pkt-len={JUMBO + 4}"]
MANY_BUFFERS = ["--enable-scatter", f"--max-pkt-len={JUMBO + 4}"]  # of 2048 bytes each


def container(weft, number, options):
    return Testpmd(weft.socket(f"web-{number}"), mac=mac(number), peer=mac(3 - number), mode="rxonly",
                   ring=RING, mbufs=4 * RING, options=options)


def send(weft, sender, receiver, pieces):
    """Sends 64 frames of these pieces; the Account."""
    ledger = Ledger(weft, {"web-1": sender, "web-2": receiver})
    before = sender.stats()["tx-bytes"], receiver.stats()["rx-bytes"]
    sender.stop()
    sender.command("set txpkts " + ",".join(map(str, pieces)))
    sender.start(tx_first=2)
    wait_equal(lambda: sender.stats()["tx-bytes"] - before[0], 64 * sum(pieces), "bytes sent")
    account = ledger.close()
    equal(receiver.stats()["rx-bytes"] - before[1], account.received["web-2"] * sum(pieces), "bytes received")
    return account


def any_size_and_shape():
    # 116 bytes are in the private snapshot; small receive buffers are merged (virtio 1.2 §5.1.6.3.1).
    whole = [[length] for length in (60, 115, 116, 117, 128, 1514, 2036, 2037, JUMBO)]
    split = [[60, 60], [64, 64, 2000], [1000, 60], 4 * [2000] + [JUMBO - 8000]]
    for sending, receiving, shapes in ((ONE_BUFFER, ONE_BUFFER, whole), (ONE_BUFFER, MANY_BUFFERS, whole),
                                       (MANY_BUFFERS, MANY_BUFFERS, split)):
        with Weftd(ports("web-1", "web-2", options="mtu = 9000")) as weft, \
             container(weft, 1, sending) as sender, container(weft, 2, receiving) as receiver:
            weft.wait_up("web-1", "web-2")
            receiver.start()
            for pieces in shapes:
                account = send(weft, sender, receiver, pieces)
                equal((account.drops, account.received["web-2"]), ({}, 64),
                      f"drops and frames of {pieces} bytes")
            for name, way in (("web-1", "rx-bytes"), ("web-2", "tx-bytes")):
                equal(weft.port(name)[way], 64 * sum(map(sum, shapes)), f"{way} of {name}")


def longer_than_the_mtu():
    with Weftd(ports("web-1", options="mtu = 4000") + ports("web-2", options="mtu = 2000")) as weft, \
         container(weft, 1, ONE_BUFFER) as sender, container(weft, 2, ONE_BUFFER) as receiver:
        weft.wait_up("web-1", "web-2")
        receiver.start()
        for mtu, blamed in ((2000, None), (2001, ("web-2", "vhost-output", "too-long")),
                            (4000, ("web-2", "vhost-output", "too-long")),
                            (4001, ("web-1", "vhost-input", "too-long"))):
            account = send(weft, sender, receiver, [14 + mtu])
            equal(account.drops, {blamed: 64} if blamed else {}, f"drops of frames with {mtu} bytes")


def huge_pages():
    """weftd takes huge pages when there are some, and gives all of them back; so do its containers."""
    with HugePages(256) as pages:
        free = pages.free()
        with Weftd("[dpdk]\n" + ports("web-1", "web-2")) as weft:
            equal(pages.free() < free, True, "weftd has huge pages")
            with Pair(weft, memory="in-memory") as pair:
                pair.start()
                pair.wait_frames(10_000)
                pair.finish()
        wait_equal(pages.free, free, "free huge pages afterwards")


if __name__ == "__main__":
    run(any_size_and_shape, longer_than_the_mtu, huge_pages)
