/* SPDX-License-Identifier: MIT */
/* A treap: a search tree by its order, a heap by its weights. With weights that look random it is as flat as need be. */
#include "store/memory/memory.h"

static int compare(struct order_form order, const void *a, const void *b)
{
    return order.compare ? order.compare(a, b) : pawli_row_compare(order.row, a, b, SIZE_MAX);
}

static struct node *put(struct node *root, struct node *node, struct order_form order)
{
    if (!root)
        return node;
    int side = compare(order, node->row, root->row);
    PAWL_ASSERT(side != 0);
    side = side > 0;
    struct node *child = root->child[side] = put(root->child[side], node, order);
    if (child->weight <= root->weight)
        return root;
    root->child[side] = child->child[!side];
    child->child[!side] = root;
    return child;
}

void pawli_tree_put(struct node **root, struct node *node, struct order_form order)
{
    node->child[0] = node->child[1] = NULL;
    *root = put(*root, node, order);
}

/* All of left comes before all of right. */
static struct node *join(struct node *left, struct node *right)
{
    struct node *root = NULL, **at = &root;
    while (left && right) {
        bool right_wins = right->weight > left->weight;
        struct node *top = right_wins ? right : left;
        *at = top;
        at = &top->child[!right_wins];
        *(right_wins ? &right : &left) = *at;
    }
    *at = left ? left : right;
    return root;
}

void pawli_tree_remove(struct node **root, struct node *node, struct order_form order)
{
    struct node **at = root;
    while (*at != node) {
        PAWL_ASSERT(*at != NULL);
        at = &(*at)->child[compare(order, node->row, (*at)->row) > 0];
    }
    *at = join(node->child[0], node->child[1]);
}

struct node *pawli_tree_find(struct node *root, const void *probe, struct order_form order)
{
    while (root) {
        int side = compare(order, probe, root->row);
        if (side == 0)
            break;
        root = root->child[side > 0];
    }
    return root;
}

struct node *pawli_tree_after(struct node *root, const void *probe, struct order_form order)
{
    struct node *best = NULL;
    while (root) {
        bool behind = compare(order, root->row, probe) > 0;
        if (behind)
            best = root;
        root = root->child[!behind];
    }
    return best;
}

struct node *pawli_tree_before(struct node *root, const void *probe, struct order_form order)
{
    struct node *best = NULL;
    while (root) {
        bool before = compare(order, root->row, probe) < 0;
        if (before)
            best = root;
        root = root->child[before];
    }
    return best;
}
