/* SPDX-License-Identifier: MIT */
/* A treap: a search tree by its order, a heap by its weights. With weights that look random it is as flat as need be. */
#include "store/memory/memory.h"

static struct node *put(struct node *root, struct node *node, compare_rows *compare)
{
    if (!root)
        return node;
    int order = compare(node->row, root->row);
    PAWL_ASSERT(order != 0);
    int side = order > 0;
    struct node *child = root->child[side] = put(root->child[side], node, compare);
    if (child->weight <= root->weight)
        return root;
    root->child[side] = child->child[!side];
    child->child[!side] = root;
    return child;
}

void pawli_tree_put(struct node **root, struct node *node, compare_rows *compare)
{
    node->child[0] = node->child[1] = NULL;
    *root = put(*root, node, compare);
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

void pawli_tree_remove(struct node **root, struct node *node, compare_rows *compare)
{
    struct node **at = root;
    while (*at != node) {
        PAWL_ASSERT(*at != NULL);
        at = &(*at)->child[compare(node->row, (*at)->row) > 0];
    }
    *at = join(node->child[0], node->child[1]);
}

struct node *pawli_tree_find(struct node *root, const void *probe, compare_rows *compare)
{
    while (root) {
        int order = compare(probe, root->row);
        if (order == 0)
            break;
        root = root->child[order > 0];
    }
    return root;
}

struct node *pawli_tree_after(struct node *root, const void *probe, compare_rows *compare)
{
    struct node *best = NULL;
    while (root) {
        bool behind = compare(root->row, probe) > 0;
        if (behind)
            best = root;
        root = root->child[!behind];
    }
    return best;
}

struct node *pawli_tree_before(struct node *root, const void *probe, compare_rows *compare)
{
    struct node *best = NULL;
    while (root) {
        bool before = compare(root->row, probe) < 0;
        if (before)
            best = root;
        root = root->child[before];
    }
    return best;
}
